//! Progress bars: on a terminal they show how far a command is; elsewhere they show nothing.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `length` steps, which looks as `template` says; a spinner with the message if it is not
/// known how many there are.
pub(crate) fn progress_bar(length: u64, template: &str) -> ProgressBar {
    let (bar, template) = if length > 0 {
        (ProgressBar::new(length), template)
    } else {
        (ProgressBar::new_spinner(), "{spinner} {msg}")
    };
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
