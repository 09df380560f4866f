//! What a database server was told, read from its log.

use std::fmt::Write;

/// A statement as the server received it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// Its text, with `$1`, `$2` and so on where parameters stand.
    pub(super) text: String,
    /// The parameters as text; `None` is NULL.
    pub(super) parameters: Vec<Option<String>>,
}

/// The statements in a log written with `log_statement = all` whose lines begin with `prefix`, in their order.
pub(super) fn statements(log: &str, prefix: &str) -> Vec<Statement> {
    let mut statements = Vec::<Statement>::new();
    for message in messages(log) {
        let Some(message) = message.strip_prefix(prefix) else { continue };
        if let Some(text) = statement(message) {
            statements.push(Statement { text: text.to_owned(), parameters: Vec::new() });
        } else if let Some(list) = parameters(message)
            && let Some(last) = statements.last_mut()
        {
            last.parameters = values(list);
        }
    }
    statements
}

/// Messages whole: the server begins every further line of a message with a tab.
fn messages(log: &str) -> Vec<String> {
    let mut messages = Vec::<String>::new();
    for line in log.lines() {
        match (line.strip_prefix('\t'), messages.last_mut()) {
            // Writing to a string cannot fail.
            (Some(rest), Some(message)) => drop(write!(message, "\n{rest}")),
            _ => messages.push(line.to_owned()),
        }
    }
    messages
}

/// The text of a statement, whether it came alone or had been prepared under a name.
fn statement(message: &str) -> Option<&str> {
    let message = message.strip_prefix("LOG:  ")?;
    if let Some(text) = message.strip_prefix("statement: ") {
        return Some(text);
    }
    message.strip_prefix("execute ")?.split_once(": ").map(|(_, text)| text)
}

/// The list of parameters; its first letter is large since version 16.
fn parameters(message: &str) -> Option<&str> {
    let detail = message.strip_prefix("DETAIL:  ")?;
    detail.strip_prefix("parameters: ").or_else(|| detail.strip_prefix("Parameters: "))
}

/// The values of `$1 = 'it''s', $2 = NULL`.
fn values(list: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, value)) = rest.split_once(" = ") {
        let Some(mut quoted) = value.strip_prefix('\'') else {
            values.push(None);
            rest = value;
            continue;
        };
        let mut text = String::new();
        while let Some((before, after)) = quoted.split_once('\'') {
            text.push_str(before);
            quoted = after;
            let Some(doubled) = quoted.strip_prefix('\'') else { break };
            text.push('\'');
            quoted = doubled;
        }
        values.push(Some(text));
        rest = quoted;
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read_whole_and_those_of_others_are_not() {
        let log = "\
shop: LOG:  statement: BEGIN
: LOG:  checkpoint starting: time
shop: LOG:  execute sqlx_s_7: SELECT a
\t     FROM b WHERE c = $1 AND d = $2
shop: DETAIL:  parameters: $1 = 'x', $2 = NULL
other: LOG:  execute s: SELECT 2
shop: LOG:  execute <unnamed>: SELECT 1
shop: DETAIL:  Parameters: $1 = '7'
shop: LOG:  statement: COMMIT
";
        let of = |text: &str, parameters: &[Option<&str>]| Statement {
            text: text.to_owned(),
            parameters: parameters.iter().map(|value| value.map(str::to_owned)).collect(),
        };
        let expected = [
            of("BEGIN", &[]),
            of("SELECT a\n     FROM b WHERE c = $1 AND d = $2", &[Some("x"), None]),
            of("SELECT 1", &[Some("7")]),
            of("COMMIT", &[]),
        ];
        assert_eq!(statements(log, "shop: "), expected);
    }

    #[test]
    fn a_value_may_hold_anything() {
        let tricky = ["", "'", "it's, $2 = 'that'", "{\"a\": \"b = 'c'\"}", "line\nline"];
        let list: Vec<String> = tricky
            .iter()
            .enumerate()
            .map(|(index, value)| format!("${} = '{}'", index + 1, value.replace('\'', "''")))
            .collect();
        let read: Vec<String> = values(&list.join(", ")).into_iter().flatten().collect();
        assert_eq!(read, tricky);
        assert_eq!(values("$1 = NULL, $2 = 'a', $3 = NULL"), [None, Some("a".to_owned()), None]);
    }
}
