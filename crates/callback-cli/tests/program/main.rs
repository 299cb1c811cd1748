//! The real program: started, asked over HTTP, killed, and started again.

mod commands;
mod crash;
mod documentation;
mod floor;
mod harness;
mod keys;
mod life;
mod log;
mod nodes;
mod stream;
mod tls;
