//! Signing up and logging in.

use contract::ids::MemberId;
use ticketing_api::booking::member::{Role, SignUpOutcome};

use crate::world::{World, nobody, won};

on_both_databases! {
    a_member_is_created_with_an_empty_wallet
    a_taken_email_or_nickname_is_refused_and_leaves_nothing
    credentials_are_found_by_email
}

async fn a_member_is_created_with_an_empty_wallet(world: &World) {
    let mut new = world.new_member("ann");
    new.role = Role::Admin;
    let SignUpOutcome::Created(member) = world.store.create_member(new.clone()).await.unwrap() else { panic!() };
    assert_eq!((member.id, &*member.email, member.role), (new.id, "ann@example.org", Role::Admin));
    assert_eq!((&*member.nickname, member.created_at), ("ann", world.now()));
    assert_eq!(world.store.member(new.id).await.unwrap(), Some(member));
    assert_eq!(world.store.wallet(new.id).await.unwrap().unwrap().balance, won(0));
    assert_eq!(world.store.member(MemberId(nobody())).await.unwrap(), None);
    assert_eq!(world.store.wallet(MemberId(nobody())).await.unwrap(), None);
}

async fn a_taken_email_or_nickname_is_refused_and_leaves_nothing(world: &World) {
    world.store.create_member(world.new_member("ann")).await.unwrap();
    let mut same_email = world.new_member("bob");
    "ann@example.org".clone_into(&mut same_email.email);
    assert_eq!(world.store.create_member(same_email.clone()).await.unwrap(), SignUpOutcome::EmailTaken);
    let mut same_nickname = world.new_member("ann");
    "bob@example.org".clone_into(&mut same_nickname.email);
    assert_eq!(world.store.create_member(same_nickname.clone()).await.unwrap(), SignUpOutcome::NicknameTaken);
    for id in [same_email.id, same_nickname.id] {
        assert_eq!(world.store.member(id).await.unwrap(), None);
        assert_eq!(world.store.wallet(id).await.unwrap(), None);
    }
}

async fn credentials_are_found_by_email(world: &World) {
    let new = world.new_member("ann");
    world.store.create_member(new.clone()).await.unwrap();
    let found = world.store.credentials("ann@example.org").await.unwrap().unwrap();
    assert_eq!((found.member.id, &*found.password_hash), (new.id, "$argon2id$"));
    assert_eq!(world.store.credentials("bob@example.org").await.unwrap(), None);
}
