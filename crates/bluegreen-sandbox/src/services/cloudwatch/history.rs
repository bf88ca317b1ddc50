//! The past of alarms.

use super::describe::kinds;
use super::page::page;
use super::parse::{short, word};
use super::{Context, render};
use crate::node;
use crate::wire::{ApiError, Input, Node};
use crate::world::{AlarmRecord, HistoryItem, ReadKind};

pub(super) fn history(context: &mut Context<'_>, input: &Input) -> Result<Node, ApiError> {
    let name = short(input, "AlarmName", 255)?;
    let kinds = kinds(input)?;
    let types = ["ConfigurationUpdate", "StateUpdate", "Action"];
    let wanted = word(input, "HistoryItemType", &types)?;
    let (from, to) = (input.time("StartDate")?, input.time("EndDate")?);
    let newest_first =
        word(input, "ScanBy", &["TimestampDescending", "TimestampAscending"])? != Some("TimestampAscending");
    let (state, _) = context.read(ReadKind::Alarms, &"alarms");
    let alarms = state
        .alarms
        .iter()
        .filter(|(own, alarm)| kinds.contains(&alarm.kind) && name.is_none_or(|name| name == own.as_str()));
    let fits = |item: &&HistoryItem| {
        wanted.is_none_or(|wanted| item.kind.word() == wanted)
            && from.is_none_or(|from| item.at >= from)
            && to.is_none_or(|to| item.at <= to)
    };
    let mut found: Vec<(&String, &AlarmRecord, &HistoryItem)> = alarms
        .flat_map(|(name, alarm)| alarm.log.iter().map(move |item| (name, alarm, &**item)))
        .filter(|(_, _, item)| fits(item))
        .collect();
    // Stable, so that what happened at one moment stays in its order.
    found.sort_by_key(|(_, _, item)| item.at);
    if newest_first {
        found.reverse();
    }
    let most = usize::try_from(input.int_within("MaxRecords", 1, 100)?.unwrap_or(100)).unwrap_or(usize::MAX);
    let (range, next) = page(context.world, input, found.len(), most)?;
    let item = |(name, alarm, item): &(&String, &AlarmRecord, &HistoryItem)| {
        node! {
            "AlarmName": *name,
            "AlarmType": render::kind(alarm),
            "Timestamp": item.at,
            "HistoryItemType": item.kind.word(),
            "HistorySummary": &item.summary,
            "HistoryData": &item.data,
        }
    };
    Ok(node! { "AlarmHistoryItems": found[range].iter().map(item).collect::<Vec<_>>(), "NextToken": next })
}
