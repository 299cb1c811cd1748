//! Texts of the configurator.

pub(crate) const TITLE: &str = "Setup";
pub(crate) const PARTS: &str = "Parts of the setup";
pub(crate) const SERVICES: &str = "Services";
pub(crate) const USERS: &str = "Users";
pub(crate) const KEYS: &str = "Access keys";
pub(crate) const WEBHOOKS: &str = "Webhooks";

// Words of several parts.
pub(crate) const NAME: &str = "Name";
pub(crate) const SIP_URI: &str = "SIP address";
pub(crate) const SIP_EXAMPLE: &str = "sip:support@example.com";
pub(crate) const ALL: &str = "All";
pub(crate) const SERVICES_HINT: &str = "None ticked: all services.";
pub(crate) const CANCEL: &str = "Cancel";
pub(crate) const DELETE: &str = "Delete";
pub(crate) const SAVED: &str = "Saved.";
pub(crate) const DELETED: &str = "Deleted.";
pub(crate) const YES: &str = "Yes";
pub(crate) const NO: &str = "No";
pub(crate) const COPY_NOW: &str = "Copy it now: it is not shown again.";

// Services.
pub(crate) const NEW_SERVICE: &str = "New service";
pub(crate) const NO_SERVICES: &str = "There are no services yet. A callback needs one.";
pub(crate) const DIRECTION: &str = "Direction type";
pub(crate) const DIRECTIONS: [(&str, &str); 3] = [
    ("InboundOutbound", "Inbound and outbound"),
    ("Outbound", "Outbound"),
    ("Inbound", "Inbound: takes no callbacks"),
];
pub(crate) const HOURS: &str = "Opening hours";
pub(crate) const ALWAYS_OPEN: &str = "Always open";
pub(crate) const GENERAL: &str = "General";
pub(crate) const LIMITS: &str = "Limits";
pub(crate) const TIMES: &str = "Times, in seconds";
pub(crate) const RETRIES: &str = "Retries";
pub(crate) const TARGETS: &str = "Who may be called, and as whom";
pub(crate) const NO_LIMIT: &str = "Empty: no limit.";
pub(crate) const MAX_SESSIONS: &str = "Outbound sessions";
pub(crate) const MAX_SESSIONS_HINT: &str = "Offered or called. Empty: no limit. 0: none at all.";
pub(crate) const MAX_QUEUED: &str = "Callbacks that may wait";
pub(crate) const MAX_PER_DAY: &str = "Attempts per customer, day";
pub(crate) const DUPLICATES: &str = "A second request";
pub(crate) const DUPLICATE_POLICIES: [(&str, &str); 3] = [
    ("Allow", "Makes another callback"),
    ("Reject", "Is refused"),
    ("ReturnExisting", "Answers the existing callback"),
];
pub(crate) const MAX_WAIT: &str = "Allowed wait";
pub(crate) const RONA_TIME: &str = "Offer stays open";
pub(crate) const PREVIEW_TIME: &str = "Preview";
pub(crate) const PREVIEW_HINT: &str = "0: dialled at once.";
pub(crate) const DIALOUT_TIME: &str = "Customer's phone rings";
pub(crate) const AFTER_CALL_TIME: &str = "After-call work";
pub(crate) const HOLD_TIME: &str = "Held for the preferred agent";
pub(crate) const SPACING: &str = "Seconds between retries";
pub(crate) const BY_OUTCOME: &str = "By outcome";
pub(crate) const RETRY: &str = "Try again";
pub(crate) const AS_ALWAYS: &str = "As usual";
pub(crate) const DELAY: &str = "After seconds";
pub(crate) const COUNTRY_CODE: &str = "Default country code";
pub(crate) const COUNTRY_EXAMPLE: &str = "41";
pub(crate) const CALLER_IDS: &str = "Caller ids";
pub(crate) const CALLER_IDS_HINT: &str = "One per line. Empty: any.";
pub(crate) const ALLOWED_TARGETS: &str = "Allowed targets";
pub(crate) const ALLOWED_TARGETS_HINT: &str = "One pattern per line, such as +41*. Empty: any.";

// Opening hours.
pub(crate) const LIMITED: &str = "Only at the hours below";
pub(crate) const WHEN: &str = "When it may call";
pub(crate) const TIME_ZONE: &str = "Time zone";
pub(crate) const TIME_ZONE_EXAMPLE: &str = "Europe/Zurich";
pub(crate) const WEEK: &str = "The week";
pub(crate) const WEEK_HINT: &str = "From and to as 08:00 and 17:30, up to 24:00; an end before its beginning is on the next day. \
     Empty a row to remove it.";
pub(crate) const DAYS: [(&str, &str); 7] = [
    ("Monday", "Mon"),
    ("Tuesday", "Tue"),
    ("Wednesday", "Wed"),
    ("Thursday", "Thu"),
    ("Friday", "Fri"),
    ("Saturday", "Sat"),
    ("Sunday", "Sun"),
];
pub(crate) const FROM: &str = "from";
pub(crate) const TO: &str = "to";
pub(crate) const CLOSED: &str = "closed";
pub(crate) const ADD_HOURS: &str = "Add hours";
pub(crate) const COPY_MONDAY: &str = "Copy Monday to Tuesday–Friday";
pub(crate) const EXCEPTIONS: &str = "Exceptions";
pub(crate) const EXCEPTIONS_HINT: &str = "On these dates the week does not hold. Without times it is closed all day; a date may have \
     several rows.";
pub(crate) const DATE: &str = "Date";
pub(crate) const ADD_EXCEPTION: &str = "Add an exception";

// Users.
pub(crate) const NEW_USER: &str = "New user";
pub(crate) const NO_USERS: &str = "There are no users yet. An agent is a user.";
pub(crate) const SELECTABLE: &str = "May be given tasks";
pub(crate) const DISTRIBUTION: &str = "How tasks reach them";
pub(crate) const DISTRIBUTIONS: [(&str, &str); 2] =
    [("Push", "Push: tasks are offered"), ("Pull", "Pull: they take the next task")];
pub(crate) const PRESENCE: &str = "Presence";
pub(crate) const WORKS_FOR: &str = "Works for";

// Keys.
pub(crate) const NEW_KEY: &str = "New access key";
pub(crate) const NO_KEYS: &str = "There are no keys yet.";
pub(crate) const FIRST_KEY: &str =
    "The first key is made where the database is, with `callback keys bootstrap`.";
pub(crate) const ROLE: &str = "Role";
pub(crate) const ROLE_HINT: &str = "An agent's key is for one user.";
pub(crate) const USER: &str = "User";
pub(crate) const NO_USER: &str = "None";
pub(crate) const EXPIRES: &str = "Good for days";
pub(crate) const EXPIRES_HINT: &str = "Empty: until it is revoked.";
pub(crate) const STANDING: &str = "Standing";
pub(crate) const CREATED: &str = "Made";
pub(crate) const EXPIRES_AT: &str = "Expires";
pub(crate) const LAST_USED: &str = "Last used";
pub(crate) const REVOKE: &str = "Revoke";
pub(crate) const CREATE_KEY: &str = "Make the key";
pub(crate) const THE_KEY: &str = "The new key";
pub(crate) const ACTIONS: &str = "Actions";

// Webhooks.
pub(crate) const NEW_WEBHOOK: &str = "New webhook";
pub(crate) const NO_WEBHOOKS: &str = "There are no webhooks yet.";
pub(crate) const URL: &str = "Address";
pub(crate) const URL_EXAMPLE: &str = "https://crm.example.com/callbacks";
pub(crate) const EVENTS: &str = "Events";
pub(crate) const EVENTS_HINT: &str = "One name per line, such as Created. Empty: all.";
pub(crate) const DESCRIPTION: &str = "Description";
pub(crate) const ENABLED: &str = "Send events";
pub(crate) const DISABLED: &str = "Disabled";
pub(crate) const ACTIVE: &str = "Active";
pub(crate) const FAILING: &str = "Failing";
pub(crate) const THE_SECRET: &str = "The secret that deliveries are signed with";
pub(crate) const ROTATE: &str = "New secret";
pub(crate) const TEST: &str = "Send a trial";
pub(crate) const REPLAY: &str = "Send again since";
pub(crate) const REPLAY_BUTTON: &str = "Send again";
pub(crate) const REPLAY_HINT: &str = "In UTC.";
pub(crate) const TRIAL_SENT: &str = "A trial is on its way.";
pub(crate) const REPLAYED: &str = "It is sent again.";
pub(crate) const DELIVERIES: &str = "Deliveries";
pub(crate) const NO_DELIVERIES: &str = "There are no deliveries.";
pub(crate) const EVENT: &str = "Event";
pub(crate) const STATE: &str = "State";
pub(crate) const ATTEMPTS: &str = "Attempts";
pub(crate) const LAST_ANSWER: &str = "Last answer";
pub(crate) const WHEN_HAPPENED: &str = "Happened";
pub(crate) const RESEND: &str = "Send again";
pub(crate) const NEXT_PAGE: &str = "Older";
pub(crate) const SHOW: &str = "Show";

/// Asks whether something is meant.
pub(crate) fn sure_to_delete(name: &str) -> String {
    format!("Delete {name}?")
}

/// Asks whether a key is really to be revoked.
pub(crate) fn sure_to_revoke(name: &str) -> String {
    format!("Revoke {name}? It opens nothing any more.")
}

/// Asks whether a secret is really to be replaced.
pub(crate) const SURE_TO_ROTATE: &str = "Make a new secret? For a while the old one signs too.";

/// What a field of the week is for.
pub(crate) fn time_of(day: &str, end: &str, row: usize) -> String {
    format!("{day} {end}, row {row}")
}

/// What a field of the exceptions is for.
pub(crate) fn exception_field(field: &str, row: usize) -> String {
    format!("Exception {row}: {field}")
}

/// A day of the week in words.
pub(crate) fn open_on(day: &str, times: &str) -> String {
    format!("{day} {times}")
}

/// How many hours a week.
pub(crate) fn hours_a_week(hours: u32, minutes: u32) -> String {
    if minutes == 0 {
        format!("{hours} h a week")
    } else {
        format!("{hours} h {minutes} min a week")
    }
}
