//! What is wrong with a file: code, place, finding and cure, all findings at once.
