//! Charging wallets.

use contract::ids::{ActiveTokenId, MemberId};
use ticketing_api::{
    booking::{
        money::Money,
        wallet::{ChargeOutcome, TransferKind, Wallet},
    },
    store::PageRequest,
};

use crate::world::{Buyer, World, done, nobody, won};

on_both_databases! {
    a_charge_adds_to_the_balance_and_the_history
    a_charge_that_breaks_a_rule_is_refused
}

async fn a_charge_adds_to_the_balance_and_the_history(world: &World) {
    let buyer = world.buyer(0).await;
    for (amount, balance) in [(30, 30), (50, 80), (20, 100)] {
        let charged = ChargeOutcome::Charged(Wallet { member: buyer.member, balance: won(balance) });
        assert_eq!(world.charge(buyer, amount).await, charged);
    }
    let page = |page| world.store.ledger_entries(buyer.member, PageRequest { page, size: 2 });
    let (first, second) = (page(0).await.unwrap(), page(1).await.unwrap());
    let history: Vec<_> =
        first.items.iter().chain(&second.items).map(|entry| (entry.amount, entry.balance_after)).collect();
    assert_eq!(history, [(won(20), won(100)), (won(50), won(80)), (won(30), won(30))], "newest first");
    assert_eq!((first.total, second.total), (3, 3));
    let newest = &first.items[0];
    assert_eq!((newest.kind, newest.payment, newest.created_at), (TransferKind::Charge, None, world.now()));
}

async fn a_charge_that_breaks_a_rule_is_refused(world: &World) {
    let buyer = world.buyer(5).await;
    for amount in [0, -1, i64::MIN] {
        assert_eq!(world.charge(buyer, amount).await, ChargeOutcome::NotPositive);
    }
    let limit = Wallet::MAX_BALANCE;
    for amount in [limit, i64::MAX] {
        assert_eq!(world.charge(buyer, amount).await, ChargeOutcome::LimitExceeded { limit });
    }
    let mut euro = world.new_charge(buyer, 1);
    euro.amount = Money::new(1, "EUR".parse().unwrap());
    let refused = done(world.store.charge(euro, &world.key(buyer)).await.unwrap());
    assert_eq!(refused, ChargeOutcome::WrongCurrency { wallet: won(0).currency });
    let stranger = Buyer { member: MemberId(nobody()), token: ActiveTokenId(nobody()) };
    assert_eq!(world.charge(stranger, 1).await, ChargeOutcome::WalletUnknown);
    assert_eq!(world.balance(buyer).await, 5);
    let page = PageRequest { page: 0, size: 10 };
    assert_eq!(world.store.ledger_entries(stranger.member, page).await.unwrap().total, 0);
}
