//! Who a join is by: the holder of a place, a member, a browser that we know, or somebody new.

use std::sync::Arc;

use axum::{
    extract::{FromRequest, FromRequestParts, OptionalFromRequestParts, Request},
    http::{HeaderName, HeaderValue},
};
use contract::{ids::VisitorId, tokens::TokenError};
use service::problem::Problem;

use super::{
    Gateway, error,
    request::{AskedQueue, HeldPlace, Identity, JoinBody},
};
use crate::{
    documents::Holder,
    invitation,
    line::Invitation,
    waiting_room::{Joiner, Queue},
};

/// Carries the solution of a challenge, as `<challenge>.<number>`.
const PROOF_OF_WORK: HeaderName = HeaderName::from_static("proof-of-work");

/// Who joins. It is whoever the waiting token says, or else the join token, the identity, or the challenge that was
/// solved; a waiting token that is broken, expired or of another queue is no reason to refuse a place. In a queue of
/// members the join token goes first: another member may be at the same browser.
#[derive(Debug)]
pub(super) struct JoinedBy {
    pub(super) joiner: Joiner,
    /// Need not prove any work.
    pub(super) proven: bool,
    /// To the priority lane.
    pub(super) invitation: Option<Invitation>,
    /// The cookie for a browser that has no identity yet.
    pub(super) identity: Option<HeaderValue>,
}

impl FromRequest<Arc<Gateway>> for JoinedBy {
    type Rejection = Problem;

    async fn from_request(request: Request, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let queue = AskedQueue::from_request_parts(&mut parts, gateway).await?;
        let held = <HeldPlace as OptionalFromRequestParts<_>>::from_request_parts(&mut parts, gateway).await?;
        let Identity(known) = Identity::from_request_parts(&mut parts, gateway).await?;
        let proof = parts.headers.get(&PROOF_OF_WORK).cloned();
        let body = JoinBody::from_request(Request::from_parts(parts, body), gateway).await?;

        let held = match held {
            Some(HeldPlace(held)) if queue.may_still_hold(&held).await => Some(held),
            _ => None,
        };
        let is_invited = held.is_some_and(|held| held.place.seq.is_invited());
        let invitation = match body.invitation.map(|text| invited(gateway, &queue, &text)).transpose() {
            // Whoever stands in the priority lane needs no invitation any more, whatever has become of it.
            Err(_) if is_invited => None,
            invitation => invitation?,
        };
        let (joiner, proven) = match (held, body.join_token.as_deref()) {
            // Whoever holds a place needs nothing else to find it; one who had it has to do what newcomers do.
            (Some(held), None) => (Joiner::Holder(held), true),
            (Some(held), Some(_)) if queue.members.is_none() => (Joiner::Holder(held), true),
            (None, join_token) => newcomer(gateway, &queue, known, proof.as_ref(), join_token).await?,
            (Some(held), join_token) => match newcomer(gateway, &queue, known, proof.as_ref(), join_token).await {
                Ok((joiner, _)) if joiner.visitor() == held.holder.visitor => (Joiner::Holder(held), true),
                Ok(another) => another,
                // A page that was loaded again may bring a word that has become too old.
                Err(_) => (Joiner::Holder(held), true),
            },
        };
        // Whoever has the invitation would have the visitor of whoever used it, in all queues.
        let nameless = known.is_none() && queue.members.is_none() && invitation.is_none();
        let joiner = match (joiner, invitation) {
            (Joiner::New(holder), Some(Invitation { id, .. })) => {
                let visitor = VisitorId::of_invitation(&queue.name, id.0);
                Joiner::New(Holder { visitor, ..holder })
            }
            (joiner, _) => joiner,
        };
        Ok(Self { joiner, proven, invitation, identity: nameless.then(|| gateway.identity_cookie(joiner.visitor())) })
    }
}

/// Whoever brings an invitation is told at once when it is of no use here; whether it was used is for the store to say.
fn invited(gateway: &Gateway, queue: &Queue, text: &str) -> Result<Invitation, Problem> {
    if queue.stats()?.control.baseline.invitations.is_none() {
        return Err(error::invitation_not_taken());
    }
    let read = invitation::read(&gateway.invitations, text, &queue.name, gateway.clock.now());
    read.map_err(|reason| match reason {
        TokenError::Expired => error::invitation_expired(),
        reason => error::invitation_invalid(reason),
    })
}

async fn newcomer(
    gateway: &Gateway,
    queue: &Queue,
    known: Option<VisitorId>,
    proof: Option<&HeaderValue>,
    join_token: Option<&str>,
) -> Result<(Joiner, bool), Problem> {
    if let Some(members) = &queue.members {
        // Where members get a token.
        let site = |problem: Problem| problem.member("redirect_to", gateway.documents.site(&queue.name));
        let token = join_token.ok_or_else(|| site(error::join_token_required()))?;
        let verified = members.verify(token, &queue.name).await;
        let member = verified.map_err(|reason| site(error::join_token_refused(reason)))?;
        let holder = Holder { visitor: VisitorId::of_member(&queue.name, member), member: Some(member) };
        return Ok((Joiner::Known(holder), true));
    }
    if join_token.is_some() {
        return Err(error::join_token_not_taken());
    }
    let proven = proven_by(gateway, queue, proof);
    // Without cookies a client is known by the challenge that it solved.
    Ok(match known.or(proven) {
        Some(visitor) => (Joiner::Known(Holder { visitor, member: None }), proven == Some(visitor)),
        None => (Joiner::New(Holder { visitor: VisitorId::generate(&*gateway.clock), member: None }), false),
    })
}

/// Whose challenge the request solves, if it brings a solution.
fn proven_by(gateway: &Gateway, queue: &Queue, proof: Option<&HeaderValue>) -> Option<VisitorId> {
    let proof = proof?.to_str().ok()?;
    queue.proof_of_work.as_ref()?.solved_by(proof, &queue.name, gateway.clock.now())
}
