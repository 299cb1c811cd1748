//! Every text that people read, in one place for whoever translates them.
//!
//! What the API says is shown as it says it, and is not here.

pub(crate) mod setup;
pub(crate) mod supervisor;

pub(crate) const LANGUAGE: &str = "en";
pub(crate) const PRODUCT: &str = "Callbacks";
pub(crate) const PAGES: &str = "Pages";
pub(crate) const SKIP: &str = "Skip to the content";
pub(crate) const LIVE: &str = "Live: the page follows what happens";
pub(crate) const NOT_LIVE: &str = "Not live: reload to see what happened";

// Who is here.
pub(crate) const SIGN_IN: &str = "Sign in";
pub(crate) const SIGN_IN_HOW: &str = "Use the access key that your administrator gave you.";
pub(crate) const SIGN_OUT: &str = "Sign out";
pub(crate) const ACCESS_KEY: &str = "Access key";
pub(crate) const KEYLESS: &str = "No keys yet";
pub(crate) const KEYLESS_HINT: &str =
    "There are no access keys, so everybody on this machine may do everything.";
pub(crate) const ROLE_INTEGRATOR: &str = "Integrator";
pub(crate) const ROLE_AGENT: &str = "Agent";
pub(crate) const ROLE_SUPERVISOR: &str = "Supervisor";
pub(crate) const ROLE_ADMIN: &str = "Administrator";

// What went wrong.
pub(crate) const NOT_FOUND: &str = "Not found";
pub(crate) const NOTHING_HERE: &str = "There is nothing at this address.";
pub(crate) const FORBIDDEN: &str = "Not allowed";
pub(crate) const NOT_YOUR_PAGE: &str = "Your key does not allow this page.";
pub(crate) const STALE_FORM: &str =
    "The form is from another session. Go back, reload the page, and send it again.";
pub(crate) const SIGNED_OUT: &str = "Signed out";
pub(crate) const SIGN_IN_FIRST: &str = "Sign in to see this page.";
pub(crate) const BROKEN: &str = "Something went wrong";
pub(crate) const BROKEN_ANSWER: &str = "The answer could not be read. Try again.";
pub(crate) const TO_THE_START: &str = "To the start";
pub(crate) const NOT_DONE: &str = "That did not work.";
pub(crate) const SEE_FIELDS: &str = "See what is said beside the fields.";

// Words of every page.
pub(crate) const NONE: &str = "–";
pub(crate) const CLOSE: &str = "Close";
pub(crate) const SAVE: &str = "Save";

// The board.
pub(crate) const BOARD: &str = "Board";

// The desk.
pub(crate) const DESK: &str = "Desk";
