//! The operator's own key, from a file.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, ensure};
use callback_engine::access::Digest;

/// Fewest characters of such a key; `openssl rand -hex 32` makes 64.
const CHARACTERS: usize = 32;

/// Reads a key, and warns when others can read it too.
pub(crate) fn read(file: &Path) -> anyhow::Result<Digest> {
    let shown = file.display();
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("failed to read the key of the administrator from {shown}"))?;
    let key = text.trim();
    ensure!(
        key.len() >= CHARACTERS && key.bytes().all(|byte| byte.is_ascii_graphic()),
        "{shown} holds no key: one line of at least {CHARACTERS} visible ASCII characters is \
         expected, such as `openssl rand -hex 32` makes"
    );
    let mode = std::fs::metadata(file).map(|known| known.permissions().mode() & 0o777);
    if let Ok(mode) = mode
        && mode & 0o077 != 0
    {
        tracing::warn!(
            "{shown} holds a key and can be read by others (mode {mode:o}); 600 is expected"
        );
    }
    Ok(Digest::of(key.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_long_line_and_an_error_does_not_show_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("key");
        let good = "0123456789abcdef0123456789abcdef";
        std::fs::write(&file, format!("{good}\n")).unwrap();
        assert_eq!(read(&file).unwrap(), Digest::of(good.as_bytes()));
        for wrong in ["", "\n", "tooshort", &format!("{good} {good}"), &format!("{good}ü")] {
            std::fs::write(&file, wrong).unwrap();
            let error = format!("{:#}", read(&file).unwrap_err());
            assert!(error.contains("holds no key"), "{error}");
            assert!(wrong.trim().is_empty() || !error.contains(wrong), "{error}");
        }
        let missing = format!("{:#}", read(&folder.path().join("none")).unwrap_err());
        assert!(missing.contains("none"), "{missing}");
    }
}
