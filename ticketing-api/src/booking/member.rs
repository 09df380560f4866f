//! Members and the rules of signing up.

use contract::ids::MemberId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::money::Currency;

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Buys.
    Member,
    /// Manages the catalogue.
    Admin,
}

/// A person known to this service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its id.
    pub id: MemberId,
    /// Lower-case.
    pub email: String,
    /// Shown to others.
    pub nickname: String,
    /// What they may do.
    pub role: Role,
    /// When they signed up.
    pub created_at: Timestamp,
}

/// What a log-in is checked against.
#[derive(Clone, PartialEq, Eq)]
pub struct MemberCredentials {
    /// Whose.
    pub member: Member,
    /// In PHC format.
    pub password_hash: String,
}

impl std::fmt::Debug for MemberCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberCredentials").field("member", &self.member.id).finish_non_exhaustive()
    }
}

/// A member to be added; email and nickname come from an accepted [`SignUp`].
#[derive(Clone)]
pub struct NewMember {
    /// His id.
    pub id: MemberId,
    /// Lower-case.
    pub email: String,
    /// Shown to others.
    pub nickname: String,
    /// In PHC format.
    pub password_hash: String,
    /// What they may do.
    pub role: Role,
    /// What their wallet is in.
    pub currency: Currency,
    /// The current instant.
    pub now: Timestamp,
}

impl std::fmt::Debug for NewMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewMember").field("id", &self.id).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Reply to a sign-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignUpOutcome {
    /// He is a member now, with an empty wallet.
    Created(Member),
    /// Another member has this email.
    EmailTaken,
    /// Another member has this nickname.
    NicknameTaken,
}

/// What somebody signs up with.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignUp {
    /// At most 30 characters.
    pub email: String,
    /// 8 to 20 characters; a lower-case letter, a digit and one of [`SignUp::SYMBOLS`].
    pub password: String,
    /// 2 to 10 letters, digits or Hangul.
    pub nickname: String,
}

impl std::fmt::Debug for SignUp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignUp").finish_non_exhaustive()
    }
}

/// A rule that a sign-up breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignUpRule {
    /// Not an address.
    #[error("an email looks like name@example.org")]
    EmailForm,
    /// Too long.
    #[error("an email has at most 30 characters")]
    EmailLength,
    /// Too short or too long.
    #[error("a password has 8 to 20 characters")]
    PasswordLength,
    /// No lower-case letter, digit or symbol.
    #[error("a password has a lower-case letter, a digit and one of !@#$%^&*()_+")]
    PasswordCharacters,
    /// Too short or too long.
    #[error("a nickname has 2 to 10 characters")]
    NicknameLength,
    /// A character that is none of them.
    #[error("a nickname has only letters a-z, digits and Hangul")]
    NicknameCharacters,
}

impl SignUp {
    /// One of these must be in a password.
    pub const SYMBOLS: &str = "!@#$%^&*()_+";

    /// The sign-up with its email in lower case, or every rule that it breaks.
    pub fn accept(self) -> Result<Self, Vec<SignUpRule>> {
        let (email, password, nickname) = (&self.email, &self.password, &self.nickname);
        let has = |wanted: &dyn Fn(char) -> bool| password.chars().any(wanted);
        let strong =
            has(&|c| c.is_ascii_lowercase()) && has(&|c| c.is_ascii_digit()) && has(&|c| Self::SYMBOLS.contains(c));
        let rules = [
            (SignUpRule::EmailForm, is_address(email)),
            (SignUpRule::EmailLength, email.chars().count() <= LONGEST_EMAIL),
            (SignUpRule::PasswordLength, (8..=20).contains(&password.chars().count())),
            (SignUpRule::PasswordCharacters, strong),
            (SignUpRule::NicknameLength, (2..=10).contains(&nickname.chars().count())),
            (SignUpRule::NicknameCharacters, nickname.chars().all(|c| c.is_ascii_alphanumeric() || is_hangul(c))),
        ];
        let broken: Vec<_> = rules.into_iter().filter_map(|(rule, kept)| (!kept).then_some(rule)).collect();
        if broken.is_empty() { Ok(Self { email: self.email.to_lowercase(), ..self }) } else { Err(broken) }
    }
}

/// Characters of an email.
const LONGEST_EMAIL: usize = 30;

/// Whether a member can have this email: one that could not have signed up is nobody's, and no text for a database.
pub fn is_possible_email(text: &str) -> bool {
    is_address(text) && text.chars().count() <= LONGEST_EMAIL
}

/// One `@` with something printable on both sides, and a dot inside the domain. More cannot be known without mail.
fn is_address(text: &str) -> bool {
    let printable = text.chars().all(|c| c.is_ascii_graphic());
    let Some((name, domain)) = text.split_once('@') else { return false };
    let labels_filled = domain.contains('.') && domain.split('.').all(|label| !label.is_empty());
    printable && !name.is_empty() && labels_filled && !domain.contains('@')
}

/// A syllable block or a single letter of the Korean alphabet.
fn is_hangul(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{3131}'..='\u{318e}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(email: &str, password: &str, nickname: &str) -> Vec<SignUpRule> {
        let sign_up = SignUp { email: email.into(), password: password.into(), nickname: nickname.into() };
        sign_up.accept().err().unwrap_or_default()
    }

    #[test]
    fn a_sign_up_within_the_rules_is_accepted_in_lower_case() {
        let sign_up =
            SignUp { email: "Ann@Example.org".into(), password: "secret1!".into(), nickname: "\u{bc15}ann7".into() };
        assert_eq!(sign_up.accept().unwrap().email, "ann@example.org");
    }

    #[test]
    fn every_broken_rule_is_reported_at_once() {
        assert_eq!(
            broken(&format!("{}@", "a".repeat(30)), "SHORT", "a name!!!!!"),
            [
                SignUpRule::EmailForm,
                SignUpRule::EmailLength,
                SignUpRule::PasswordLength,
                SignUpRule::PasswordCharacters,
                SignUpRule::NicknameLength,
                SignUpRule::NicknameCharacters,
            ]
        );
    }

    #[test]
    fn an_email_has_a_name_and_a_domain() {
        for email in ["", "a", "@b.c", "a@b", "a@b.", "a@.c", "a@b@c.d", "a b@c.d", "\u{e9}@b.c"] {
            assert_eq!(broken(email, "secret1!", "ann"), [SignUpRule::EmailForm], "{email:?}");
        }
    }

    #[test]
    fn each_kind_of_character_is_needed_in_a_password() {
        for password in ["SECRET1!", "secretA!", "secret12", "secret1?"] {
            assert_eq!(broken("a@b.c", password, "ann"), [SignUpRule::PasswordCharacters], "{password:?}");
        }
    }

    #[test]
    fn lengths_are_counted_in_characters_and_their_ends_are_allowed() {
        for (length, kept) in [(7, false), (8, true), (20, true), (21, false)] {
            let password = format!("a1!{}", "x".repeat(length - 3));
            assert_eq!(broken("a@b.c", &password, "ann").is_empty(), kept, "{length}");
        }
        for (length, kept) in [(1, false), (2, true), (10, true), (11, false)] {
            assert_eq!(broken("a@b.c", "secret1!", &"\u{d55c}".repeat(length)).is_empty(), kept, "{length}");
        }
    }
}
