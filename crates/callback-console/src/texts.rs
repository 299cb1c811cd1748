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
pub(crate) const FIRST_KEY: &str = "The first one is made by the operator:";
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

pub(crate) const YES: &str = "yes";
pub(crate) const NO: &str = "no";
pub(crate) const BACK: &str = "Back";
pub(crate) const CHOOSE: &str = "Choose…";

// What a callback consists of.
pub(crate) const CALLBACKS: &str = "Callbacks";
pub(crate) const PHASE: &str = "Phase";
pub(crate) const STATE: &str = "State";
pub(crate) const TARGET: &str = "Target";
pub(crate) const ALTERNATIVE_TARGET: &str = "Alternative target";
pub(crate) const SERVICE: &str = "Service";
pub(crate) const PRIORITY: &str = "Priority";
pub(crate) const AGENT: &str = "Agent";
pub(crate) const DUE: &str = "Due";
pub(crate) const WAIT_LEFT: &str = "Wait left";
pub(crate) const RETRIES: &str = "Retries";
pub(crate) const MAX_RETRIES: &str = "Most retries";
pub(crate) const BETWEEN_RETRIES: &str = "Seconds between retries";
pub(crate) const ALLOWED_WAIT: &str = "Allowed wait in seconds";
pub(crate) const EVERY: &str = "every";
pub(crate) const DESCRIPTION: &str = "Description";
pub(crate) const EXTERNAL_TASK_ID: &str = "External task";
pub(crate) const CALLER_ID: &str = "Caller ID";
pub(crate) const PREFERRED_AGENT: &str = "Preferred agent";
pub(crate) const INCOMING_SERVICE: &str = "Service called at first";
pub(crate) const SUPERVISOR_FACT: &str = "Supervisor";
pub(crate) const MADE_FOR: &str = "Asked for by";
pub(crate) const MADE_BY: &str = "Made by";
pub(crate) const MADE_AT: &str = "Made";
pub(crate) const CHANGED_AT: &str = "Changed";
pub(crate) const CONTEXT: &str = "Context";
pub(crate) const IDENTITY: &str = "Identity";

// The board.
pub(crate) const BOARD: &str = "Board";
pub(crate) const STATE_OPEN: &str = "Open";
pub(crate) const STATE_PENDING: &str = "Pending";
pub(crate) const STATE_IN_QUEUE: &str = "In queue";
pub(crate) const STATE_PROCESSING: &str = "Processing";
pub(crate) const STATE_TERMINATED: &str = "Terminated";
pub(crate) const STATE_ALL: &str = "All";
pub(crate) const SEARCH: &str = "Search";
pub(crate) const SEARCH_HINT: &str = "Number, address, ID or external task";
pub(crate) const EVERY_SERVICE: &str = "Every service";
pub(crate) const EVERY_PRIORITY: &str = "Every priority";
pub(crate) const EVERY_AGENT: &str = "Every agent";
pub(crate) const APPLY: &str = "Apply";
pub(crate) const CLEAR: &str = "Clear";
pub(crate) const NOTHING_FOUND: &str = "No callbacks here.";
pub(crate) const MORE_PAGES: &str = "More pages";
pub(crate) const FIRST_PAGE: &str = "First page";
pub(crate) const PREVIOUS_PAGE: &str = "Previous";
pub(crate) const NEXT_PAGE: &str = "Next";
pub(crate) const CANCEL: &str = "Cancel callback";
pub(crate) const CANCEL_SURE: &str = "Cancel this callback? A call in progress is hung up.";
pub(crate) const FULFILLED_ELSEWHERE: &str = "Done elsewhere";
pub(crate) const CHANGE: &str = "Reschedule or change";
pub(crate) const IN_UTC: &str = "In UTC.";
pub(crate) const WHY_NOT_CALLED: &str = "Why is it not being called?";
pub(crate) const CALLED_NEXT: &str = "Everything is in order: it is offered next.";
pub(crate) const NOT_CALLED_NOW: &str = "It is not being called now; see what stops it.";
pub(crate) const NEXT_CHANGE: &str = "The clock changes something at";
pub(crate) const CHANGES_AT: &str = "until";
pub(crate) const PASSES: &str = ": passes";
pub(crate) const STOPS: &str = ": stops it";
pub(crate) const ATTEMPTS: &str = "Attempts";
pub(crate) const NO_ATTEMPTS: &str = "None yet.";
pub(crate) const STILL_OPEN: &str = "under way";
pub(crate) const FACTS: &str = "Facts";
pub(crate) const HISTORY: &str = "History";
pub(crate) const HISTORY_CUT: &str = "The history goes on; the API shows all of it.";
/// What people call the gates of an explanation.
pub(crate) const GATES: [(&str, &str); 12] = [
    ("NotTerminated", "Not over"),
    ("InQueue", "Due and in the queue"),
    ("OpeningHours", "Service is open"),
    ("ServiceCap", "Service has a session free"),
    ("Route", "Route is working"),
    ("BackOff", "Not pausing after a failure"),
    ("TargetLive", "Customer's line is free"),
    ("Suppression", "Not suppressed"),
    ("FrequencyCap", "Not called too often"),
    ("PreferredAgent", "Open to this agent"),
    ("EligibleAgent", "An agent is ready"),
    ("Place", "Its turn"),
];

// A new callback.
pub(crate) const NEW_CALLBACK: &str = "New callback";
pub(crate) const TARGET_HINT: &str = "A telephone number, or a SIP address.";
pub(crate) const DUE_HINT: &str = "Now, if left empty. In UTC.";
pub(crate) const DESCRIPTION_HINT: &str = "Shown to the agent before the call.";
pub(crate) const MORE_FIELDS: &str = "More";
pub(crate) const ALTERNATIVE_HINT: &str = "Called instead of the target.";
pub(crate) const ANYBODY: &str = "Anybody";
pub(crate) const MAX_RETRIES_HINT: &str = "3, if left empty.";
pub(crate) const OF_SERVICE: &str = "The service's, if left empty.";
pub(crate) const CONTEXT_HINT: &str = "Opened for the agent; a web address.";
pub(crate) const EXTERNAL_HINT: &str = "Your own key for it.";
pub(crate) const SHOW_EXISTING: &str = "Show the one that is there already";
pub(crate) const CREATE: &str = "Create callback";

// The desk.
pub(crate) const DESK: &str = "Desk";
pub(crate) const DESK_OF: &str = "Desk of";
pub(crate) const WHOSE_DESK: &str = "Whose desk?";
pub(crate) const TO_THE_DESK: &str = "To the desk";
pub(crate) const NO_USERS: &str = "There are no users yet.";
pub(crate) const YOU: &str = "You";
pub(crate) const PRESENCE: &str = "Presence";
pub(crate) const PHONE: &str = "Phone";
pub(crate) const DISTRIBUTION: &str = "Tasks come by";
pub(crate) const SERVICES: &str = "Services";
pub(crate) const RONA: &str = "You missed or declined a task";
pub(crate) const RONA_HINT: &str = "You are offered nothing until you say that you are back.";
pub(crate) const RESET_RONA: &str = "I am back";
pub(crate) const AFTER_CALL_WORK: &str = "After-call work:";
pub(crate) const AFTER_CALL_WORK_HINT: &str = "You are at work after a call.";
pub(crate) const READY_NOW: &str = "Ready now";
pub(crate) const NO_TASK: &str = "No task";
pub(crate) const NOT_READY_HINT: &str = "You are offered tasks when you are available.";
pub(crate) const WAITING_HINT: &str = "You are offered the next task as soon as there is one.";
pub(crate) const PULL_HINT: &str = "Take the next task when you are ready for it.";
pub(crate) const TAKE_NEXT: &str = "Take the next task";
pub(crate) const OFFER_OF: &str = "Callback offered:";
pub(crate) const TASK_OFFERED: &str = "A callback for you";
pub(crate) const TASK_PREVIEW: &str = "Before the call";
pub(crate) const TASK_DIALOUT: &str = "Calling";
pub(crate) const TASK_CONNECTED: &str = "In conversation";
pub(crate) const CLOCK_OFFER: &str = "Answer within";
pub(crate) const CLOCK_PREVIEW: &str = "Dials by itself in";
pub(crate) const CLOCK_DIALOUT: &str = "Rings for another";
pub(crate) const SPEAKING_SINCE: &str = "Since";
pub(crate) const ACCEPT: &str = "Accept";
pub(crate) const DECLINE: &str = "Decline";
pub(crate) const DIAL: &str = "Dial now";
pub(crate) const DIAL_YOURSELF: &str =
    "Calls are placed by hand here: dial the address above, and say what came of it.";
pub(crate) const ANSWERED: &str = "Customer answered";
pub(crate) const DONE: &str = "Completed";
pub(crate) const OUTCOME: &str = "Another outcome";
pub(crate) const WHAT_CAME_OF_IT: &str = "What came of it";
pub(crate) const DETAIL: &str = "In words";
pub(crate) const REPORT: &str = "Report";
