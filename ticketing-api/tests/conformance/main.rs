//! One suite for every `TicketStore`, run on real SQLite files and a real PostgreSQL server.
//!
//! Every test ends with an audit of the whole database: whatever happened, the invariants hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

/// Runs each of these functions on a fresh database of both kinds.
macro_rules! on_both_databases {
    ($($name:ident)+) => {
        mod sqlite {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let world = crate::world::World::sqlite().await;
                    super::$name(&world).await;
                    world.audit().await;
                }
            )+
        }

        mod postgres {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    let world = crate::world::World::postgres().await;
                    super::$name(&world).await;
                    world.audit().await;
                }
            )+
        }
    };
}

mod audit;
mod world;

mod catalogue;
mod comparison;
mod connections;
mod crash;
mod holds;
mod idempotency;
mod leaving;
mod members;
mod outbox;
mod payments;
mod races;
mod reservations;
mod sweeping;
mod tokens;
mod wallets;
