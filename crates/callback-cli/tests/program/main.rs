//! The real program: started, asked over HTTP, killed, and started again.

mod backup;
mod bench;
mod client;
mod commands;
mod copy;
mod crash;
mod documentation;
mod floor;
mod harness;
mod help;
mod import;
mod keys;
mod life;
mod log;
mod nodes;
mod partition;
mod proxy;
mod readers;
mod skew;
mod stream;
mod tls;
mod traces;
mod webhooks;
