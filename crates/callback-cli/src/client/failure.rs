//! How a command fails, and the exit code that says so.

use std::fmt;

use serde_json::Value;

/// The service answered, and said no.
#[derive(Debug)]
pub(crate) struct Refused {
    /// The status of HTTP.
    pub(crate) status: u16,
    /// The problem's code.
    pub(crate) code: String,
    /// What is wrong, in words.
    pub(crate) message: String,
    /// What is wrong with each member, as the service answered it.
    pub(crate) details: Value,
    /// For how long the service asks to be left alone.
    pub(crate) retry_after_seconds: Option<u64>,
}

impl Refused {
    /// Reads a problem; another body, such as a proxy's, is told by its status.
    pub(crate) fn read(status: u16, body: &Value, retry_after_seconds: Option<u64>) -> Self {
        let error = &body["Error"];
        let word = |name: &str| error[name].as_str().map(printable);
        Self {
            status,
            code: word("Code").unwrap_or_else(|| "Unknown".to_owned()),
            message: word("Message").unwrap_or_else(|| "the answer does not say why".to_owned()),
            details: error["Details"].clone(),
            retry_after_seconds,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Where members are named, the message only strings them together.
        let is_listed = self.details.as_array().is_some_and(|details| !details.is_empty());
        let message = if is_listed { "the request is refused" } else { &self.message };
        write!(f, "{message} ({} {})", self.status, self.code)?;
        for detail in self.details.as_array().into_iter().flatten() {
            let word = |name: &str| detail[name].as_str().map(printable).unwrap_or_default();
            let member = Some(word("Member")).filter(|member| !member.is_empty());
            let member = member.unwrap_or_else(|| "the body".to_owned());
            write!(f, "\n  {member}: {} ({})", word("Message"), word("Code"))?;
        }
        match self.status {
            401 => f.write_str("\n  give an access key with --api-key or CALLBACK_API_KEY"),
            403 => f.write_str("\n  the role of the access key does not reach this far"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refused {}

/// The service did not answer.
#[derive(Debug)]
pub(crate) struct Unreachable(pub(crate) String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

/// What was typed cannot be meant.
#[derive(Debug)]
pub(crate) struct WrongUsage(pub(crate) String);

impl fmt::Display for WrongUsage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUsage {}

/// A dry run found that there is something to do.
#[derive(Debug)]
pub(crate) struct Differs(pub(crate) usize);

impl fmt::Display for Differs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} to change; nothing was changed", self.0)
    }
}

impl std::error::Error for Differs {}

/// How the program ends after an error.
pub(crate) fn exit_code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<WrongUsage>().is_some() {
        2
    } else if error.downcast_ref::<Refused>().is_some() {
        3
    } else if error.downcast_ref::<Unreachable>().is_some() {
        4
    } else if error.downcast_ref::<Differs>().is_some() {
        5
    } else {
        1
    }
}

/// Text without what could steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    let escape = |character: char| -> String {
        if character.is_control() {
            character.escape_default().collect()
        } else {
            character.to_string()
        }
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_names_code_and_members() {
        let body = json!({"Error": {"Code": "ValidationFailed", "Message": "no", "Details": [
            {"Member": "MaxRetries", "Code": "OutOfRange", "Message": "0 to 100 is accepted"},
            {"Member": "", "Code": "WrongType", "Message": "an object is expected"},
        ]}});
        assert_eq!(
            Refused::read(400, &body, None).to_string(),
            "the request is refused (400 ValidationFailed)\n  MaxRetries: 0 to 100 is accepted (OutOfRange)\n  the body: an object is expected (WrongType)"
        );
        let proxy = Refused::read(502, &Value::Null, None).to_string();
        assert!(proxy.contains("502"), "{proxy}");
    }

    #[test]
    fn text_cannot_steer_a_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\nü"), "a\\u{1b}[2Jb\\nü");
    }

    #[test]
    fn each_failure_has_its_exit_code() {
        let refused = Refused::read(404, &Value::Null, None);
        let failures: [(anyhow::Error, u8); 5] = [
            (anyhow::anyhow!("anything"), 1),
            (WrongUsage("x".to_owned()).into(), 2),
            (anyhow::Error::from(refused).context("failed to read x"), 3),
            (Unreachable("x".to_owned()).into(), 4),
            (Differs(1).into(), 5),
        ];
        for (failure, code) in failures {
            assert_eq!(exit_code(&failure), code, "{failure:#}");
        }
    }
}
