//! The real program: started, asked over HTTP, killed, and started again.

mod client;
mod commands;
mod crash;
mod documentation;
mod floor;
mod harness;
mod help;
mod import;
mod keys;
mod life;
mod nodes;
mod stream;
