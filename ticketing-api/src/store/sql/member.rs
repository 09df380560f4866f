//! Members and their log-ins.

use async_trait::async_trait;
use contract::ids::MemberId;

use super::{
    database::Database,
    fault::Fault,
    row::Row,
    session::Session,
    statement::{Statement, statement},
    transact::{Transaction, Verdict},
    value::arguments,
    word::Word,
};
use crate::booking::member::{Member, MemberCredentials, NewMember, SignUpOutcome};

const INSERT: Statement = statement!(
    "INSERT INTO members (id, email, nickname, password_hash, role, created_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT DO NOTHING"
);

const IS_EMAIL_TAKEN: Statement = statement!("SELECT id FROM members WHERE email = $1");

const OPEN_WALLET: Statement =
    statement!("INSERT INTO accounts (id, currency, balance, version) VALUES ($1, $2, 0, 0)");

const BY_EMAIL: Statement =
    statement!("SELECT id, email, nickname, role, created_at, password_hash FROM members WHERE email = $1");

const BY_ID: Statement = statement!("SELECT id, email, nickname, role, created_at FROM members WHERE id = $1");

#[async_trait]
impl Transaction for NewMember {
    type Outcome = SignUpOutcome;

    async fn carry_out(&self, session: &mut Session) -> Result<Verdict<SignUpOutcome>, Fault> {
        let (email, nickname) = (self.email.as_str(), self.nickname.as_str());
        let member = arguments![self.id, email, nickname, self.password_hash.as_str(), self.role.word(), self.now];
        if session.execute(&INSERT, member).await? == 0 {
            let taken = session.row(&IS_EMAIL_TAKEN, arguments![email]).await?.is_some();
            return Ok(Verdict::Undo(if taken { SignUpOutcome::EmailTaken } else { SignUpOutcome::NicknameTaken }));
        }
        session.execute(&OPEN_WALLET, arguments![self.id, self.currency]).await?;
        let created = session.row(&BY_ID, arguments![self.id]).await?;
        let created = created.ok_or_else(|| Fault::corrupt("a member vanished while signing up"))?;
        Ok(Verdict::Keep(SignUpOutcome::Created(read(&created)?)))
    }
}

pub(super) async fn credentials(database: &Database, email: &str) -> Result<Option<MemberCredentials>, Fault> {
    let row = database.row(&BY_EMAIL, arguments![email]).await?;
    row.map(|row| Ok(MemberCredentials { member: read(&row)?, password_hash: row.get("password_hash")? })).transpose()
}

pub(super) async fn member(database: &Database, id: MemberId) -> Result<Option<Member>, Fault> {
    database.row(&BY_ID, arguments![id]).await?.as_ref().map(read).transpose()
}

fn read(row: &Row) -> Result<Member, Fault> {
    Ok(Member {
        id: MemberId(row.get("id")?),
        email: row.get("email")?,
        nickname: row.get("nickname")?,
        role: row.word("role")?,
        created_at: row.instant("created_at")?,
    })
}
