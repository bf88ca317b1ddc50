//! Bytes as text, with a word about those that are none.

use super::{FILE_MAX, InputError};
use crate::diagnostic::{Diagnostic, Report, codes};

/// The text of a file, without a byte order mark.
pub(super) fn decoded(name: &str, bytes: Vec<u8>) -> Result<String, InputError> {
    let refused = |finding: Diagnostic| InputError::from(Report::new(name, "", vec![finding]));
    if bytes.len() > FILE_MAX {
        let message =
            format!("the file is larger than {FILE_MAX} bytes, the most that a pipeline's blue/green action takes");
        let help = "is this the right file? A file of this kind has a few kilobytes";
        return Err(refused(Diagnostic::error(codes::TOO_LARGE, message).help(help)));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let message = "the file is text in UTF-16, and UTF-8 is expected";
        let help = "PowerShell's `>` writes UTF-16: use `Out-File -Encoding utf8` or `Set-Content -Encoding utf8`";
        return Err(refused(Diagnostic::error(codes::ENCODING, message).help(help)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        refused(Diagnostic::error(
            codes::ENCODING,
            format!("the file is not text in UTF-8: byte {at} belongs to no character"),
        ))
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
