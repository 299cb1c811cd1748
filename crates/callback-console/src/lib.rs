//! The web front end: pages in front of the API, for people with a browser.
//!
//! A page asks the API what any client asks, within the process and on behalf of whoever signed in;
//! so nobody can do on a page what the API forbids, and both say the same when something is wrong.
//! Pages work without scripts; with them, they follow what happens.

#![deny(missing_docs)]

mod pages;
mod board;
mod desk;
mod supervisor;
mod setup;
mod sign_in;
mod live;
mod guard;
mod cookies;
mod routes;
mod visit;
mod ask;
mod failure;
mod layout;
mod form;
mod show;
mod texts;
mod assets;

pub use pages::console;
