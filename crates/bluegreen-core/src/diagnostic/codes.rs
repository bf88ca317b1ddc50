//! Every kind of finding, one code each. A code is never given a new meaning.

/// A code with the line that explains it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Such as `BG0101`.
    pub code: &'static str,
    /// What kind of finding it marks, in one line.
    pub explanation: &'static str,
}

macro_rules! codes {
    ($($name:ident = $code:literal, $explanation:literal;)+) => {
        $(#[doc = concat!($code, ": ", $explanation, ".")] pub const $name: &str = $code;)+

        /// All codes in their order.
        pub const ALL: &[Code] = &[$(Code { code: $code, explanation: $explanation }),+];
    };
}

codes! {
    // BG00xx: the text of any YAML or JSON file.
    SYNTAX = "BG0001", "the text is not valid YAML or JSON";
    DUPLICATE_KEY = "BG0002", "a key stands twice in one mapping";
    TOO_LARGE = "BG0003", "the file is larger than any file of its kind needs to be";
    TOO_MANY_NODES = "BG0004", "the file holds, or expands through aliases to, too many values";
    TOO_DEEP = "BG0005", "values are nested too deep";
    BAD_ALIAS = "BG0006", "an alias stands inside what it names";
    TAG = "BG0007", "a YAML tag that is not supported";
    MERGE_KEY = "BG0008", "the YAML merge key is not supported";
    KEY_NOT_SCALAR = "BG0009", "a key is a list or a mapping";
    MANY_DOCUMENTS = "BG0010", "more than one YAML document in the file";
    EMPTY = "BG0011", "the file holds nothing";
    VARIABLE_UNSET = "BG0020", "a variable that has no value and no default";
    VARIABLE_SYNTAX = "BG0021", "a `${` that does not form a variable";
    VARIABLE_TOO_LONG = "BG0022", "the values of variables make the file too large";
}

/// What a code means, in one line.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|known| known.code == code).map(|known| known.explanation)
}
