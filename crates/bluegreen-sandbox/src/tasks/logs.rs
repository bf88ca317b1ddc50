//! What tasks write, bounded: the last lines of each, and no endless line.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// So many lines of a task are kept.
pub(super) const LINES_MAX: usize = 200;
/// So many bytes of a line are kept.
pub(super) const LINE_BYTES_MAX: usize = 4096;

/// Where a line came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The container's standard output.
    Out,
    /// The container's standard error.
    Err,
    /// Not the container: a note of the sandbox on how it runs it.
    Note,
}

/// One line that a container wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// The container's name.
    pub container: String,
    /// Which of its outputs.
    pub stream: Stream,
    /// The line without control characters, and without what exceeds 4096 bytes.
    pub text: String,
}

/// The last lines of one task.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs(Arc<Mutex<VecDeque<LogLine>>>);

impl Logs {
    pub(super) fn lines(&self) -> Vec<LogLine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    pub(super) fn note(&self, container: &str, text: &str) {
        self.push(container, Stream::Note, text.as_bytes());
    }

    fn push(&self, container: &str, stream: Stream, line: &[u8]) {
        let text = String::from_utf8_lossy(line).trim_end().replace(|letter: char| letter.is_control(), "");
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push_back(LogLine { container: container.to_owned(), stream, text });
        if lines.len() > LINES_MAX {
            lines.pop_front();
        }
    }

    /// Keeps what `from` writes until it closes.
    pub(super) async fn follow(self, from: impl AsyncRead + Unpin, container: String, stream: Stream) {
        let mut reader = BufReader::new(from);
        let mut line = Vec::new();
        loop {
            let chunk = match reader.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(chunk) => chunk,
            };
            let end = chunk.iter().position(|byte| *byte == b'\n');
            let text = &chunk[..end.unwrap_or(chunk.len())];
            let room = LINE_BYTES_MAX - line.len();
            line.extend_from_slice(&text[..text.len().min(room)]);
            let taken = text.len() + usize::from(end.is_some());
            reader.consume(taken);
            if end.is_some() {
                self.push(&container, stream, &line);
                line.clear();
            }
        }
        if !line.is_empty() {
            self.push(&container, stream, &line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn followed(bytes: &[u8]) -> Vec<String> {
        let logs = Logs::default();
        logs.clone().follow(bytes, "web".to_owned(), Stream::Out).await;
        logs.lines().into_iter().map(|line| line.text).collect()
    }

    #[tokio::test]
    async fn lines_come_whole_and_the_last_one_needs_no_end() {
        assert_eq!(followed(b"one\r\n\ntwo").await, ["one", "", "two"]);
        assert!(followed(b"").await.is_empty());
    }

    #[tokio::test]
    async fn only_the_last_lines_are_kept() {
        let many = (0..LINES_MAX + 5).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        let kept = followed(many.as_bytes()).await;
        assert_eq!(kept.len(), LINES_MAX);
        assert_eq!((kept[0].as_str(), kept[LINES_MAX - 1].as_str()), ("5", "204"));
    }

    #[tokio::test]
    async fn a_line_without_an_end_takes_no_more_than_its_share() {
        let mut endless = vec![b'x'; 100 * LINE_BYTES_MAX];
        endless.extend_from_slice(b"\nnext\n");
        let kept = followed(&endless).await;
        assert_eq!((kept[0].len(), kept[1].as_str()), (LINE_BYTES_MAX, "next"));
    }

    #[tokio::test]
    async fn what_a_task_writes_cannot_drive_the_terminal() {
        assert_eq!(followed(b"\x1b[31mred\x1b[0m\x07\n").await, ["[31mred[0m"]);
    }
}
