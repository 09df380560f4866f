//! Members signing up and logging in, and the first administrator.

use std::{fmt, sync::Arc};

use contract::{clock::SharedClock, ids::MemberId};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use service::settings::{Faults, Validate};

use crate::{
    booking::{
        member::{Member, NewMember, Role, SignUp, SignUpOutcome, SignUpRule, is_possible_email},
        money::Currency,
    },
    passwords::{PasswordError, Passwords},
    store::{StoreError, TicketStore},
};

/// An administrator to be there from the first start.
#[derive(Clone, Deserialize)]
pub struct AdminSettings {
    /// What they log in with.
    pub email: String,
    /// Under the same rules as every member's.
    pub password: SecretString,
}

impl fmt::Debug for AdminSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminSettings").field("email", &self.email).finish_non_exhaustive()
    }
}

impl AdminSettings {
    /// His name among members.
    const NICKNAME: &str = "admin";

    fn sign_up(&self) -> SignUp {
        SignUp {
            email: self.email.clone(),
            password: self.password.expose_secret().to_owned(),
            nickname: Self::NICKNAME.to_owned(),
        }
    }
}

impl Validate for AdminSettings {
    fn validate(&self, at: &mut Faults) {
        for rule in self.sign_up().accept().err().unwrap_or_default() {
            let key = match rule {
                SignUpRule::EmailForm | SignUpRule::EmailLength => "email",
                _ => "password",
            };
            at.add(key, rule.to_string());
        }
    }
}

/// Why somebody could not sign up or log in, other than what they sent.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Hashing.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

/// Signs up and logs in.
#[derive(Debug)]
pub struct Accounts {
    store: Arc<dyn TicketStore>,
    passwords: Passwords,
    currency: Currency,
    clock: SharedClock,
}

impl Accounts {
    /// Accounts with wallets in this currency.
    pub fn new(store: Arc<dyn TicketStore>, passwords: Passwords, currency: Currency, clock: SharedClock) -> Self {
        Self { store, passwords, currency, clock }
    }

    /// Adds a member. The sign-up must have been accepted.
    pub async fn sign_up(&self, accepted: SignUp, role: Role) -> Result<SignUpOutcome, AccountError> {
        let SignUp { email, password, nickname } = accepted;
        let password_hash = self.passwords.hash(password.into()).await?;
        let member = NewMember {
            id: MemberId::generate(&*self.clock),
            email,
            nickname,
            password_hash,
            role,
            currency: self.currency,
            now: self.clock.now(),
        };
        Ok(self.store.create_member(member).await?)
    }

    /// The member whose email and password these are. Which of the two was wrong is not told, nor does the time that
    /// it takes tell it.
    pub async fn log_in(&self, email: &str, password: SecretString) -> Result<Option<Member>, AccountError> {
        let credentials =
            if is_possible_email(email) { self.store.credentials(&email.to_lowercase()).await? } else { None };
        let hash = credentials.as_ref().map(|credentials| credentials.password_hash.as_str());
        let fits = self.passwords.verify(password, hash).await?;
        Ok(credentials.filter(|_| fits).map(|credentials| credentials.member))
    }

    /// Creates the administrator unless the email is a member's already, whose password then stays what it is.
    pub async fn ensure_admin(&self, admin: &AdminSettings) -> Result<(), AccountError> {
        if self.store.credentials(&admin.email.to_lowercase()).await?.is_some() {
            return Ok(());
        }
        let Ok(accepted) = admin.sign_up().accept() else { return Ok(()) };
        match self.sign_up(accepted, Role::Admin).await? {
            SignUpOutcome::Created(member) => tracing::info!(member.id = %member.id, "created the administrator"),
            // Another instance that starts at the same time was faster.
            SignUpOutcome::EmailTaken => {}
            SignUpOutcome::NicknameTaken => {
                tracing::warn!("the administrator is not created: a member has the nickname `admin`");
            }
        }
        Ok(())
    }
}
