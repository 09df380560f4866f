//! The priority lane: places by invitation, with a share of the admissions, and a presale.

use std::time::Duration;

use contract::ids::VisitorId;
use queue_gateway::line::{
    Baseline, ClientNetwork, Contact, ControlChange, Epoch, Invitation, InvitationId, Invitations, JoinRefused,
    JoinReply, JoinRequest, LineChange, NoJoins, Opening, Place, QueueState, Schedule, Sequence, Share, Standing,
};

use crate::{
    fixture::{ARRIVE, Fixture, GRACE, baseline, is_admitted, join_request, waiting},
    presence::admitted_places,
};

const SECOND: Duration = Duration::from_secs(1);

fn invited(nth: u64) -> Standing {
    Standing::Waiting { seq: place(nth) }
}

fn place(nth: u64) -> Sequence {
    Sequence::of_invited(nth)
}

fn granted(thousandths: u16, presale: Duration) -> Invitations {
    Invitations { share: Share::of_thousandths(thousandths).unwrap(), presale }
}

impl Fixture {
    /// Opens in a minute to the general line, and joins are taken.
    async fn configure_with_presale(&self, opening: Opening, presale: Duration) {
        let opens_at = Some(self.now() + Duration::from_mins(1));
        let schedule = Schedule { opens_at, pre_queue: Duration::from_mins(2), opening, ..Schedule::default() };
        let invitations = Some(granted(500, presale));
        self.configure_as(Baseline { schedule, invitations, ..baseline(10.0, 1_000) }).await;
    }

    fn invitation(&self) -> Invitation {
        Invitation { id: InvitationId(self.id()), expires_at: self.now() + Duration::from_hours(1) }
    }

    async fn bring(&self, visitor: VisitorId, invitation: Invitation) -> JoinReply {
        let request = JoinRequest { invitation: Some(invitation), ..join_request(visitor, self.token()) };
        self.engine.join(&self.queue, request).await.unwrap()
    }

    /// Newcomers who bring an invitation each, in order.
    async fn lane_of(&self, count: usize) -> Vec<VisitorId> {
        let mut lane = Vec::new();
        for _ in 0..count {
            let visitor = self.visitor();
            assert!(self.bring(visitor, self.invitation()).await.is_ok_and(|joined| joined.fresh));
            lane.push(visitor);
        }
        lane
    }
}

pub(crate) async fn the_invited_stand_in_a_lane_of_their_own(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(200, Duration::ZERO)), ..baseline(0.0, 10) }).await;
    f.line_of(2).await;
    let lane = f.lane_of(2).await;
    assert_eq!((f.status(lane[0]).await, f.status(lane[1]).await), (invited(1), invited(2)));
    assert_eq!(f.join(lane[1]).await.standing, invited(2), "who comes again without it");
    assert_eq!(f.log().await, [1, 2].map(|nth| LineChange::Invited { seq: place(nth) }));
    assert_eq!(f.line().await, [1, 2, place(1).0, place(2).0]);
    assert_eq!(f.stats().await.last_seq, Sequence(2), "the general line has given no more");
    f.leave(lane[0]).await;
    assert_eq!(f.log().await[2..], [LineChange::Departed { seq: place(1) }]);
}

pub(crate) async fn an_invitation_gives_one_place_once(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(200, Duration::ZERO)), ..baseline(0.0, 10) }).await;
    let (invitation, visitor) = (f.invitation(), f.visitor());
    assert_eq!(f.bring(visitor, invitation).await.unwrap().standing, invited(1));
    let again = f.bring(visitor, invitation).await.unwrap();
    assert_eq!((again.standing, again.fresh), (invited(1), false), "a join that is repeated");
    let second = f.invitation();
    assert_eq!(f.bring(visitor, second).await.unwrap().standing, invited(1), "a second one is kept");
    assert_eq!(f.bring(f.visitor(), invitation).await, Err(JoinRefused::InvitationUsed));
    f.leave(visitor).await;
    assert_eq!(f.bring(visitor, invitation).await, Err(JoinRefused::InvitationUsed));
    assert_eq!(f.bring(f.visitor(), second).await.unwrap().standing, invited(2));
    let expired = f.invitation();
    f.advance(Duration::from_hours(1));
    f.sweep().await;
    for over in [invitation, expired] {
        assert_eq!(f.bring(f.visitor(), over).await, Err(JoinRefused::InvitationExpired));
    }
}

pub(crate) async fn an_invitation_that_gives_no_place_is_not_used(f: Fixture) {
    f.configure_with_presale(Opening::Fifo, Duration::ZERO).await;
    f.control(ControlChange { drains_at: Some(Some(f.now())), ..ControlChange::default() }).await;
    let (invitation, visitor) = (f.invitation(), f.visitor());
    assert_eq!(f.bring(visitor, invitation).await, Err(NoJoins::Draining.into()));
    f.control(ControlChange { drains_at: Some(None), ..ControlChange::default() }).await;
    f.join(visitor).await;
    f.control(ControlChange { drains_at: Some(Some(f.now())), ..ControlChange::default() }).await;
    assert_eq!(f.bring(visitor, invitation).await.unwrap().standing, waiting(1), "whoever has a place keeps it");
    f.control(ControlChange { drains_at: Some(None), ..ControlChange::default() }).await;
    assert_eq!(f.bring(visitor, invitation).await.unwrap().standing, invited(1));
}

pub(crate) async fn one_invitation_brought_by_many_at_once_gives_one_place(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(200, Duration::ZERO)), ..baseline(0.0, 10) }).await;
    let invitation = f.invitation();
    let mut given = 0;
    for engine in f.peers(3).await {
        let crowd =
            (0..20).map(|_| JoinRequest { invitation: Some(invitation), ..join_request(f.visitor(), f.token()) });
        let replies = engine.join_many(&f.queue, &crowd.collect::<Vec<_>>()).await.unwrap();
        given += replies.iter().filter(|reply| reply.is_ok()).count();
    }
    assert_eq!(given, 1);
}

pub(crate) async fn whoever_stands_in_the_line_changes_lanes_with_an_invitation(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(200, Duration::ZERO)), ..baseline(1.0, 10) }).await;
    f.pause(true).await;
    let line = f.line_of(3).await;
    let mut gateway = f.gateway_with(&line).await;
    gateway.step(0).await;
    assert_eq!(f.bring(line[1], f.invitation()).await.unwrap().standing, invited(1));
    let log = [LineChange::Departed { seq: Sequence(2) }, LineChange::Invited { seq: place(1) }];
    assert_eq!(f.log().await, log);
    assert_eq!(f.line().await, [1, 3, place(1).0], "one place a visitor");
    let stats = gateway.step(0).await.stats;
    assert_eq!((stats.ready, stats.ready_invited), (2, 0), "and is not ready at the place of before");
    gateway.present(&[line[1]]).await;
    assert_eq!(gateway.step(0).await.stats.ready_invited, 1);
    let refused = f.bring(line[2], Invitation { expires_at: f.now(), ..f.invitation() }).await;
    assert_eq!((refused, f.status(line[2]).await), (Err(JoinRefused::InvitationExpired), waiting(3)));
}

pub(crate) async fn while_both_lanes_wait_each_has_its_share(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(250, Duration::ZERO)), ..baseline(10.0, 1_000) }).await;
    f.pause(true).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(60).await;
    let lane = f.lane_of(60).await;
    gateway.present(&lane).await;
    gateway.step(0).await;
    f.pause(false).await;
    for _ in 0..8 {
        f.advance_ms(500);
        assert_eq!(gateway.admits(100).await, 5);
    }
    let places = admitted_places(&f).await;
    let from_the_lane = |turns: &[i64]| turns.iter().filter(|seq| Sequence(**seq).is_invited()).count();
    let shares: Vec<usize> = places.chunks(4).map(from_the_lane).collect();
    assert_eq!(shares, [1; 10], "{places:?}");
    let totals = f.stats().await.totals;
    assert_eq!((totals.admitted, totals.admitted_invited), (40, 10));
    let general: Vec<i64> = places.iter().copied().filter(|seq| !Sequence(*seq).is_invited()).collect();
    assert!(general.is_sorted(), "each lane in its order");
}

pub(crate) async fn one_lane_alone_has_all_admissions(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(250, Duration::ZERO)), ..baseline(10.0, 1_000) }).await;
    f.pause(true).await;
    let lane = f.lane_of(20).await;
    let mut gateway = f.gateway_with(&lane).await;
    f.line_of(5).await;
    gateway.step(0).await;
    f.pause(false).await;
    f.advance_ms(500);
    assert_eq!(gateway.admits(100).await, 5, "those of the other lane are not there");
    assert_eq!(admitted_places(&f).await, [1, 2, 3, 4, 5].map(|nth| place(nth).0));
    gateway.nobody_present();
    gateway.line_of(10).await;
    gateway.step(0).await;
    f.advance_ms(500);
    assert_eq!(gateway.admits(100).await, 5);
    assert_eq!(admitted_places(&f).await[5..], [6, 7, 8, 9, 10]);
}

pub(crate) async fn a_presale_lets_in_the_invited_alone(f: Fixture) {
    f.configure_with_presale(Opening::Fifo, Duration::from_secs(30)).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(10).await;
    let lane = f.lane_of(12).await;
    gateway.present(&lane).await;
    f.pass(Duration::from_secs(30) - Duration::from_micros(1), &mut [&mut gateway]).await;
    assert_eq!(gateway.admits(50).await, 0, "nor does the presale begin early");
    f.advance(Duration::from_micros(1));
    gateway.step(0).await;
    f.advance_ms(500);
    let step = gateway.step(50).await;
    assert_eq!((step.admitted, step.stats.totals.admitted_invited), (5, 5));
    assert_eq!(step.stats.state(), QueueState::PreQueue);
    f.pass(Duration::from_secs(29), &mut [&mut gateway]).await;
    assert_eq!(gateway.admits(50).await, 7, "a second's worth, and there are no more");
    f.pass(SECOND, &mut [&mut gateway]).await;
    assert_eq!(f.stats().await.state(), QueueState::Open);
    assert!(gateway.admits(50).await > 0);
    assert_eq!(f.stats().await.totals.admitted_invited, 12);
}

pub(crate) async fn the_invited_wait_for_no_draw_and_take_no_part_in_it(f: Fixture) {
    f.configure_with_presale(Opening::Draw, Duration::from_secs(30)).await;
    let line = [f.visitor(), f.visitor()];
    for visitor in line {
        f.join(visitor).await;
    }
    assert_eq!(f.bring(line[0], f.invitation()).await.unwrap().standing, invited(1), "whoever has a number too");
    assert_eq!(f.line().await, [Sequence::of_number(2).0, place(1).0]);
    let mut gateway = f.gateway_with(&line).await;
    gateway.step(0).await;
    f.advance(Duration::from_mins(1));
    gateway.step(0).await;
    f.advance_ms(500);
    assert_eq!(gateway.admits(9).await, 1, "before the places are dealt");
    assert!(is_admitted(f.status(line[0]).await));
    assert_eq!(f.stats().await.control.draw.numbers, Some(2));
}

pub(crate) async fn nobody_in_the_lane_is_passed(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(500, Duration::ZERO)), ..baseline(10.0, 1_000) }).await;
    let lane = f.lane_of(3).await;
    let mut gateway = f.gateway_with(&lane[2..]).await;
    f.advance(SECOND);
    assert_eq!(gateway.admits(9).await, 1);
    assert_eq!(f.stats().await.invited_watermark, place(3));
    f.pass(2 * GRACE, &mut [&mut gateway]).await;
    assert_eq!(
        f.line().await,
        [1, 2, 3].map(|nth| place(nth).0),
        "places are kept, and one who did not arrive has theirs"
    );
    gateway.line_of(3).await;
    gateway.present(&lane[..2]).await;
    gateway.step(0).await;
    f.advance(SECOND);
    gateway.step(2).await;
    assert_eq!(admitted_places(&f).await[1..], [1, place(1).0]);
}

pub(crate) async fn an_invited_first_no_show_has_the_place_again(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(500, Duration::ZERO)), ..baseline(10.0, 1_000) }).await;
    let (visitor, invitation) = (f.visitor(), f.invitation());
    f.bring(visitor, invitation).await.unwrap();
    let mut gateway = f.gateway_with(&[visitor]).await;
    for returned in [1, 0] {
        f.advance(SECOND);
        assert_eq!(gateway.admits(9).await, 1);
        f.pass(ARRIVE, &mut [&mut gateway]).await;
        assert_eq!(f.line().await.len(), returned);
        if returned == 1 {
            f.pass(2 * GRACE, &mut [&mut gateway]).await;
            assert_eq!(f.status(visitor).await, invited(1), "as long as it takes");
            gateway.present(&[visitor]).await;
            gateway.step(0).await;
        }
    }
    assert_eq!(f.bring(visitor, invitation).await, Err(JoinRefused::InvitationUsed));
}

pub(crate) async fn a_place_in_the_lane_of_an_older_epoch_is_given_back_once(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(500, Duration::ZERO)), ..baseline(0.0, 10) }).await;
    let epoch = f.stats().await.epoch;
    let held = Place { epoch: Epoch(epoch.0 - 1_000), seq: place(7) };
    let restored = Standing::Waiting { seq: held.relative_to(epoch) };
    let (visitor, invitation) = (f.visitor(), f.invitation());
    f.lane_of(1).await;
    let request = JoinRequest { held: Some(held), invitation: Some(invitation), ..join_request(visitor, f.token()) };
    assert_eq!(f.ask(request).await.standing, restored);
    assert_eq!(f.line().await, [place(7).0 - 1_000, place(1).0], "before those who came since");
    assert_eq!(f.bring(f.visitor(), invitation).await, Err(JoinRefused::InvitationUsed), "the one that it was for");
    let request = JoinRequest { held: Some(held), ..join_request(f.visitor(), f.token()) };
    assert_eq!(f.ask(request).await.standing, waiting(1));
}

pub(crate) async fn a_full_line_takes_whoever_is_invited(f: Fixture) {
    let invitations = Some(granted(500, Duration::ZERO));
    f.configure_as(Baseline { invitations, max_places: 2, ..baseline(0.0, 10) }).await;
    f.line_of(2).await;
    let refused = f.engine.join(&f.queue, join_request(f.visitor(), f.token())).await.unwrap();
    assert_eq!(refused, Err(JoinRefused::Full));
    f.lane_of(5).await;
    f.configure_as(Baseline { invitations: Some(granted(500, Duration::ZERO)), max_places: 3, ..baseline(0.0, 10) })
        .await;
    assert_eq!(f.join(f.visitor()).await.standing, waiting(3), "who may be away for ever takes nobody's room");
}

pub(crate) async fn of_a_held_back_network_the_invited_go_first(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(500, Duration::ZERO)), ..baseline(10.0, 1_000) }).await;
    let network: ClientNetwork = "203.0.113.7".parse().unwrap();
    let mut gateway = f.gateway().await;
    let ghosts = f.line_of(8).await;
    gateway.present_from(network, &ghosts).await;
    gateway.step(0).await;
    f.advance(SECOND);
    assert_eq!(gateway.admits(8).await, 8);
    gateway.nobody_present();
    f.pass(ARRIVE, &mut [&mut gateway]).await;
    let general = f.line_of(2).await;
    let lane = f.lane_of(1).await;
    gateway.present_from(network, &general).await;
    gateway.present_from(network, &lane).await;
    for _ in 0..4 {
        f.advance(SECOND);
        gateway.step(9).await;
    }
    assert_eq!(admitted_places(&f).await[8..], [place(1).0]);
}

pub(crate) async fn whoever_stands_in_the_lane_of_a_queue_that_invites_nobody_any_more_goes_first(f: Fixture) {
    f.configure_as(Baseline { invitations: Some(granted(1, Duration::ZERO)), ..baseline(0.0, 100) }).await;
    let mut gateway = f.gateway().await;
    gateway.line_of(3).await;
    let lane = f.lane_of(3).await;
    gateway.present(&lane).await;
    gateway.step(0).await;
    f.configure_as(baseline(10.0, 100)).await;
    f.advance_ms(400);
    assert_eq!(gateway.admits(9).await, 4);
    assert_eq!(admitted_places(&f).await, [place(1).0, place(2).0, place(3).0, 1]);
}

pub(crate) async fn an_invited_visitor_with_nobody_before_them_goes_straight_in(f: Fixture) {
    f.configure_with_presale(Opening::Fifo, Duration::from_secs(30)).await;
    f.line_of(1).await;
    f.advance(Duration::from_secs(31));
    let contact = Some(Contact { network: None });
    let request = JoinRequest { contact, ..join_request(f.visitor(), f.token()) };
    assert_eq!(f.ask(request).await.standing, waiting(2), "the general line is yet to open");
    let request = JoinRequest { contact, invitation: Some(f.invitation()), ..join_request(f.visitor(), f.token()) };
    let joined = f.ask(request).await;
    assert_eq!((is_admitted(joined.standing), joined.standing.seq()), (true, Some(place(1))));
    assert_eq!(f.line().await, [1, 2], "and takes no place");
}
