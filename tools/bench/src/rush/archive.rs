//! The diaries of a run as a file, for whoever wants to look closer than the verdict does.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use serde_json::{Value, json};

use super::visit::Report;

/// Writes one JSON object a visitor.
pub(super) fn write(file: &Path, reports: &[Report]) -> anyhow::Result<()> {
    let written = || {
        let mut lines = BufWriter::new(File::create(file)?);
        for report in reports {
            writeln!(lines, "{}", line(report))?;
        }
        lines.flush()
    };
    written().with_context(|| format!("cannot write {}", file.display()))
}

fn line(report: &Report) -> Value {
    let Report { part, diary, outcome, afterwards, .. } = report;
    let stretches = diary.stretches().iter().map(|stretch| json!([stretch.since, stretch.until, stretch.admitted]));
    let turns = diary.turns.iter().map(|turn| {
        json!({
            "admitted_at": turn.admitted_at, "told_at": turn.told_at, "arrive_before": turn.arrive_before,
            "arrived_at": turn.arrived_at,
        })
    });
    json!({
        "role": format!("{:?}", part.role), "polls": part.polls, "address": part.address, "order": diary.order,
        "came_at": diary.came_at(), "present": stretches.collect::<Vec<_>>(), "turns": turns.collect::<Vec<_>>(),
        "rises": diary.rises, "worst_rise": diary.worst_rise, "regressions": diary.regressions,
        "reconnects": diary.reconnects, "held_back": diary.held_back, "outcome": format!("{outcome:?}"),
        "afterwards": afterwards.as_ref().map(|state| format!("{state:?}")),
    })
}
