//! Calls that are made for many at once: while one is under way, those who come meanwhile gather for the next.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

/// Where questions are put.
#[derive(Debug)]
pub struct Asker<Q, A>(mpsc::Sender<(Q, oneshot::Sender<A>)>);

/// Where they gather until they are answered.
#[derive(Debug)]
pub struct Gathering<Q, A> {
    waiting: mpsc::Receiver<(Q, oneshot::Sender<A>)>,
    questions: Vec<Q>,
    askers: Vec<oneshot::Sender<A>>,
}

/// A gathering, and the handle for those who ask. At most `most_waiting` wait in it; the next ones wait to get in.
pub fn gathering<Q, A>(most_waiting: usize) -> (Asker<Q, A>, Gathering<Q, A>) {
    let (sender, waiting) = mpsc::channel(most_waiting);
    (Asker(sender), Gathering { waiting, questions: Vec::new(), askers: Vec::new() })
}

impl<Q, A> Asker<Q, A> {
    /// The answer to a question; `None` when nobody answers any more, or the call was left without one. Whoever drops
    /// this before a call has taken the question up has not asked.
    pub async fn ask(&self, question: Q) -> Option<A> {
        let (asker, answer) = oneshot::channel();
        self.0.send((question, asker)).await.ok()?;
        answer.await.ok()
    }
}

impl<Q, A> Gathering<Q, A> {
    /// Waits until somebody asks, then takes all who are there, at most `limit`; `None` when the last [`Asker`] is
    /// gone. [`answer`](Self::answer) must follow.
    pub async fn questions(&mut self, limit: usize) -> Option<&[Q]> {
        let mut gathered = Vec::new();
        while gathered.is_empty() {
            if self.waiting.recv_many(&mut gathered, limit).await == 0 {
                return None;
            }
            gathered.retain(|(_, asker)| !asker.is_closed());
        }
        (self.questions, self.askers) = gathered.into_iter().unzip();
        Some(&self.questions)
    }

    /// Answers those who asked, in the order of their questions. Whoever is left without an answer is told that there
    /// is none.
    pub fn answer(&mut self, answers: impl IntoIterator<Item = A>) {
        for (asker, answer) in self.askers.drain(..).zip(answers) {
            // Whoever asked may be gone.
            let _ = asker.send(answer);
        }
    }
}

/// What a call returns, or `None` where it panics, which is logged: those who ask next must still be answered.
pub async fn unless_it_panics<T>(call: impl Future<Output = T>) -> Option<T> {
    let answer = AssertUnwindSafe(call).catch_unwind().await;
    answer.inspect_err(|_| tracing::error!("a call for many who asked panicked")).ok()
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn whoever_comes_during_a_call_is_answered_by_the_next_in_their_order() {
        let (asker, mut gathered) = gathering::<u32, u32>(100);
        let calls = tokio::spawn(async move {
            let mut sizes = Vec::new();
            while let Some(questions) = gathered.questions(4).await {
                let answers: Vec<u32> = questions.iter().map(|question| question * 10).collect();
                sizes.push(answers.len());
                tokio::task::yield_now().await;
                gathered.answer(answers);
            }
            sizes
        });
        let answers = join_all((0..10).map(|question| asker.ask(question))).await;
        assert_eq!(answers, (0..10).map(|question| Some(question * 10)).collect::<Vec<_>>());
        drop(asker);
        let sizes = calls.await.unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 10);
        assert!(sizes.len() < 10 && sizes.iter().all(|size| *size <= 4), "{sizes:?}");
    }

    #[tokio::test]
    async fn whoever_asks_when_nobody_answers_is_told_so() {
        let (asker, mut gathered) = gathering::<(), ()>(1);
        let unanswered = async {
            gathered.questions(1).await;
            gathered.answer([]);
        };
        assert_eq!(tokio::join!(asker.ask(()), unanswered).0, None);
        drop(gathered);
        assert_eq!(asker.ask(()).await, None);
    }

    #[tokio::test]
    async fn whoever_has_gone_has_not_asked() {
        let (asker, mut gathered) = gathering::<u32, ()>(10);
        for question in 0..3 {
            assert!(asker.ask(question).now_or_never().is_none());
        }
        let calls = async {
            assert_eq!(gathered.questions(2).await, Some([3].as_slice()));
            gathered.answer([()]);
        };
        assert_eq!(tokio::join!(asker.ask(3), calls).0, Some(()));
    }
}
