//! The life of a callback: scenes with their transcripts, random walks that hold every rule of the
//! machine, and the table in `docs/LIFECYCLE.md` that is generated from it.

mod calling;
mod cancelling;
mod clock;
mod document;
mod edits;
mod floor;
mod hours;
mod moves;
mod probe;
mod queueing;
mod scene;
mod walk;
mod walks;
