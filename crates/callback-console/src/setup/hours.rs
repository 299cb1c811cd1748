//! Opening hours in a form: rows for the week, rows for exceptions, and a picture of the week.
//!
//! Every row is plain fields, so that hours can be changed without a script: a button beside a day
//! sends the form and brings it back with one more row.

use callback_domain::hours::LocalTime;
use maud::{Markup, html};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::form::{Filled, Form, Look};
use crate::show::{items, text};
use crate::texts::setup as texts;

/// The member of the API.
pub(super) const MEMBER: &str = "OpeningHours";
/// The button that asks for another row.
const ADD: &str = "add";
const MODE: &str = "OpeningHours.Mode";
const LIMITED: &str = "limited";
const ZONE: &str = "OpeningHours.TimeZone";
const EXCEPTION: [&str; 3] =
    ["OpeningHours.Exceptions.Date", "OpeningHours.Exceptions.From", "OpeningHours.Exceptions.To"];
/// Minutes of a day.
const DAY: u32 = 1_440;

/// A row as it is sent, and where its problems are said.
struct Row<'f> {
    values: Vec<&'f str>,
    /// The member under which the API finds fault with it; `None` for an empty row.
    member: Option<String>,
}

fn field(day: &str, end: &str) -> String {
    format!("OpeningHours.Weekly.{day}.{end}")
}

/// Fills in what the API answered.
pub(super) fn fill(hours: &Value, filled: &mut Filled) {
    filled.add(MODE, if hours.is_null() { "always" } else { LIMITED });
    filled.add(ZONE, text(hours, "TimeZone"));
    for interval in items(&hours["Weekly"]) {
        for end in ["From", "To"] {
            filled.add(field(text(interval, "Day"), end), text(interval, end));
        }
    }
    for exception in items(&hours["Exceptions"]) {
        let intervals = items(&exception["Intervals"]);
        let closed = [Value::Null];
        for interval in if intervals.is_empty() { &closed[..] } else { intervals } {
            let row = [text(exception, "Date"), text(interval, "From"), text(interval, "To")];
            EXCEPTION.into_iter().zip(row).for_each(|(name, value)| filled.add(name, value));
        }
    }
}

/// The member for the API; `None` leaves it out, for a service that is always open.
pub(super) fn body(filled: &Filled) -> Option<Value> {
    if filled.text(MODE) != Some(LIMITED) {
        return None;
    }
    let mut weekly = Vec::new();
    for (day, _) in texts::DAYS {
        let rows = week_rows(filled, day, &mut 0).into_iter();
        weekly.extend(rows.filter(|row| row.member.is_some()).map(
            |row| json!({"Day": day, "From": row.values[0].trim(), "To": row.values[1].trim()}),
        ));
    }
    let mut exceptions: Vec<(&str, Vec<Value>)> = Vec::new();
    for row in exception_rows(filled) {
        let [date, from, to] = [0, 1, 2].map(|at| row.values[at].trim());
        if row.member.is_none() {
            continue;
        }
        let at = exceptions.iter().position(|(known, _)| *known == date).unwrap_or_else(|| {
            exceptions.push((date, Vec::new()));
            exceptions.len() - 1
        });
        if let Some((_, intervals)) = exceptions.get_mut(at)
            && !(from.is_empty() && to.is_empty())
        {
            intervals.push(json!({"From": from, "To": to}));
        }
    }
    let exceptions: Vec<Value> = exceptions
        .into_iter()
        .map(|(date, intervals)| json!({"Date": date, "Intervals": intervals}))
        .collect();
    let zone = filled.text(ZONE).unwrap_or_default().trim();
    Some(json!({"TimeZone": zone, "Weekly": weekly, "Exceptions": exceptions}))
}

/// The rows of a day; `number` counts those that are sent.
fn week_rows<'f>(filled: &'f Filled, day: &str, number: &mut usize) -> Vec<Row<'f>> {
    let [from, to] = ["From", "To"].map(|end| filled.every(&field(day, end)).count());
    (0..from.min(to))
        .map(|at| {
            let values = ["From", "To"].map(|end| nth(filled, &field(day, end), at));
            let is_empty = values.iter().all(|value| value.trim().is_empty());
            let member = (!is_empty).then(|| {
                let member = format!("{MEMBER}.Weekly[{number}]");
                *number += 1;
                member
            });
            Row { values: values.into(), member }
        })
        .collect()
}

fn exception_rows(filled: &Filled) -> Vec<Row<'_>> {
    let rows = filled.every(EXCEPTION[0]).count();
    let mut dates: Vec<(&str, usize)> = Vec::new();
    (0..rows)
        .map(|at| {
            let values: Vec<&str> = EXCEPTION.map(|name| nth(filled, name, at)).into();
            let [date, from, to] = [values[0].trim(), values[1].trim(), values[2].trim()];
            let has_times = !(from.is_empty() && to.is_empty());
            if date.is_empty() && !has_times {
                return Row { values, member: None };
            }
            let known = dates.iter().position(|(known, _)| *known == date);
            let exception = known.unwrap_or_else(|| {
                dates.push((date, 0));
                dates.len() - 1
            });
            let mut member = format!("{MEMBER}.Exceptions[{exception}]");
            if let Some((_, intervals)) = dates.get_mut(exception)
                && has_times
            {
                // A row's own date is complained of at its first row.
                if known.is_some() {
                    member.push_str(&format!(".Intervals[{intervals}]"));
                }
                *intervals += 1;
            }
            Row { values, member: Some(member) }
        })
        .collect()
}

fn nth<'f>(filled: &'f Filled, name: &str, at: usize) -> &'f str {
    filled.nth(name, at).unwrap_or_default()
}

/// Does what a button of the hours asks for; whether one did, and the form is only to be shown.
pub(super) fn change(filled: &mut Filled) -> bool {
    let Some(asked) = filled.text(ADD).map(ToOwned::to_owned) else { return false };
    if asked == "copy" {
        let rows: Vec<[String; 2]> = week_rows(filled, "Monday", &mut 0)
            .iter()
            .map(|row| [0, 1].map(|end| row.values[end].to_owned()))
            .collect();
        for (day, _) in &texts::DAYS[1..5] {
            for (at, end) in ["From", "To"].into_iter().enumerate() {
                let name = field(day, end);
                filled.remove(&name);
                rows.iter().for_each(|row| filled.add(name.clone(), row[at].clone()));
            }
        }
    } else if asked == "exception" {
        EXCEPTION.into_iter().for_each(|name| filled.add(name, ""));
    } else if texts::DAYS.iter().any(|(day, _)| *day == asked) {
        let missing = usize::from(filled.every(&field(&asked, "From")).next().is_none());
        for end in ["From", "To"] {
            (0..=missing).for_each(|_| filled.add(field(&asked, end), ""));
        }
    }
    true
}

/// The fields of the hours with the picture of the week.
pub(super) fn markup(form: &Form<'_>) -> Markup {
    let filled = form.filled;
    let modes = [("always", texts::ALWAYS_OPEN), (LIMITED, texts::LIMITED)];
    let zone =
        Look { example: Some(texts::TIME_ZONE_EXAMPLE), list: Some("zones"), ..Look::default() };
    let whole = problems(form.failure, |member| member == MEMBER);
    html! {
        fieldset #hours {
            legend { (texts::HOURS) }
            @if !whole.is_empty() { div.problem { @for one in &whole { p { (one) } } } }
            div.fields {
                (form.select(MODE, texts::WHEN, Look::default(), &super::choices(&modes)))
                (form.input(ZONE, texts::TIME_ZONE, zone))
            }
            datalist #zones {
                @for zone in chrono_tz::TZ_VARIANTS { option value=(zone.name()) {} }
            }
            h2 { (texts::WEEK) }
            p.hint #week-hint { (texts::WEEK_HINT) }
            div.week-and-picture {
                div.week { (week(form)) }
                (picture(filled))
            }
            h2 { (texts::EXCEPTIONS) }
            p.hint #exceptions-hint { (texts::EXCEPTIONS_HINT) }
            (exceptions(form))
        }
    }
}

fn week(form: &Form<'_>) -> Markup {
    let asked = form.filled.text(ADD);
    let mut number = 0;
    html! {
        @for (day, _) in texts::DAYS {
            @let rows = week_rows(form.filled, day, &mut number);
            @let empty = [Row { values: vec!["", ""], member: None }];
            @let shown = if rows.is_empty() { &empty[..] } else { &rows[..] };
            div.day {
                span.day-name { (day) }
                div.day-rows {
                    @for (at, row) in shown.iter().enumerate() {
                        @let said = row_problems(form, row);
                        @let id = format!("week-{}-{at}-problem", day.to_ascii_lowercase());
                        @let is_new = asked == Some(day) && at + 1 == shown.len();
                        div.times {
                            (time(day, "From", texts::FROM, at, row.values[0], &said, &id, is_new))
                            span aria-hidden="true" { "–" }
                            (time(day, "To", texts::TO, at, row.values[1], &said, &id, false))
                        }
                        (row_said(&said, &id))
                    }
                }
                button.quiet type="submit" name=(ADD) value=(day) formnovalidate
                    aria-label=(format!("{}: {day}", texts::ADD_HOURS)) { "+" }
            }
        }
        button.quiet type="submit" name=(ADD) value="copy" formnovalidate { (texts::COPY_MONDAY) }
    }
}

#[expect(clippy::too_many_arguments, reason = "what a field of the week is made of")]
fn time(
    day: &str,
    end: &str,
    words: &str,
    row: usize,
    value: &str,
    said: &[&str],
    problem: &str,
    is_new: bool,
) -> Markup {
    let invalid = (!said.is_empty()).then_some("true");
    let described = if said.is_empty() { "week-hint".to_owned() } else { problem.to_owned() };
    html! {
        input.time type="text" inputmode="numeric" name=(field(day, end)) value=(value)
            placeholder="––:––" maxlength="5" autocomplete="off" autofocus[is_new]
            aria-label=(texts::time_of(day, words, row + 1)) aria-describedby=(described)
            aria-invalid=[invalid];
    }
}

fn exceptions(form: &Form<'_>) -> Markup {
    let asked = form.filled.text(ADD) == Some("exception");
    let rows = exception_rows(form.filled);
    html! {
        div.exceptions {
            @for (at, row) in rows.iter().enumerate() {
                @let said = row_problems(form, row);
                @let id = format!("exception-{at}-problem");
                @let invalid = (!said.is_empty()).then_some("true");
                @let described = if said.is_empty() { "exceptions-hint" } else { id.as_str() };
                div.times {
                    input.date type="date" name=(EXCEPTION[0]) value=(row.values[0])
                        autofocus[asked && at + 1 == rows.len()] aria-invalid=[invalid]
                        aria-label=(texts::exception_field(texts::DATE, at + 1)) aria-describedby=(described);
                    @for (name, words, value) in [(EXCEPTION[1], texts::FROM, row.values[1]), (EXCEPTION[2], texts::TO, row.values[2])] {
                        input.time type="text" inputmode="numeric" name=(name) value=(value)
                            placeholder="––:––" maxlength="5" autocomplete="off" aria-invalid=[invalid]
                            aria-label=(texts::exception_field(words, at + 1)) aria-describedby=(described);
                    }
                    @if row.member.is_some() && row.values[1].is_empty() && row.values[2].is_empty() {
                        span.soft { (texts::CLOSED) }
                    }
                }
                (row_said(&said, &id))
            }
            button.quiet type="submit" name=(ADD) value="exception" formnovalidate { (texts::ADD_EXCEPTION) }
        }
    }
}

fn row_said(said: &[&str], id: &str) -> Markup {
    html! { @if !said.is_empty() { div.problem id=(id) { @for one in said { p { (one) } } } } }
}

fn row_problems<'f>(form: &Form<'f>, row: &Row<'_>) -> Vec<&'f str> {
    let Some(of_row) = &row.member else { return Vec::new() };
    let failure = form.failure.map(|failure| failure.problems.as_slice()).unwrap_or_default();
    // Of a date with several rows, the later ones say what is wrong with their own times.
    let is_first = !of_row.contains(".Intervals[");
    let mine = failure.iter().filter(|problem| {
        let rest = problem.member.strip_prefix(of_row.as_str());
        let rest = rest.filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        rest.is_some_and(|rest| {
            !(is_first && rest.starts_with(".Intervals[") && !rest.starts_with(".Intervals[0]"))
        })
    });
    mine.map(|problem| problem.message.as_str()).collect()
}

fn problems(failure: Option<&Failure>, mine: impl Fn(&str) -> bool) -> Vec<&str> {
    let all = failure.map(|failure| failure.problems.as_slice()).unwrap_or_default();
    let mine = all.iter().filter(|problem| mine(&problem.member));
    mine.map(|problem| problem.message.as_str()).collect()
}

/// The week as stretches of minutes, by day; what passes midnight goes on on the next.
fn stretches(filled: &Filled) -> [Vec<(u32, u32)>; 7] {
    let mut week: [Vec<(u32, u32)>; 7] = Default::default();
    for (at, (day, _)) in texts::DAYS.into_iter().enumerate() {
        for row in week_rows(filled, day, &mut 0) {
            let [from, to] = [0, 1].map(|end| LocalTime::parse(row.values[end].trim()));
            let Some((from, to)) = from.zip(to) else { continue };
            let [from, to] = [from, to].map(|time| u32::from(time.minutes()));
            if from >= DAY {
                continue;
            }
            if from < to {
                week[at].push((from, to));
            } else {
                week[at].push((from, DAY));
                if to > 0 {
                    week[(at + 1) % 7].push((0, to));
                }
            }
        }
    }
    week
}

const LABELS: u32 = 44;
const HOUR: u32 = 16;
const ROW: u32 = 22;

fn picture(filled: &Filled) -> Markup {
    let week = stretches(filled);
    let minutes: u32 = week.iter().flatten().map(|(from, to)| to - from).sum();
    let told: Vec<String> = texts::DAYS
        .iter()
        .zip(&week)
        .map(|((day, _), open)| {
            let open: Vec<String> =
                open.iter().map(|(from, to)| format!("{}–{}", clock(*from), clock(*to))).collect();
            let times = if open.is_empty() { texts::CLOSED.to_owned() } else { open.join(", ") };
            texts::open_on(day, &times)
        })
        .collect();
    let (width, height) = (LABELS + 24 * HOUR + 8, 7 * ROW + 22);
    html! {
        figure.week-picture {
            svg viewBox=(format!("0 0 {width} {height}")) role="img" focusable="false"
                aria-labelledby="week-picture-title week-picture-desc" {
                title #week-picture-title { (texts::WEEK) }
                desc #week-picture-desc { (told.join("; ")) }
                @for ((row, (_, short)), open) in (0..).zip(texts::DAYS).zip(&week) {
                    text.axis x="0" y=(row * ROW + 15) { (short) }
                    rect.slot x=(LABELS) y=(row * ROW + 3) width=(24 * HOUR) height=(ROW - 6) rx="3" {}
                    @for (from, to) in open {
                        rect.open x=(LABELS + from * HOUR / 60) y=(row * ROW + 3)
                            width=((to - from) * HOUR / 60) height=(ROW - 6) rx="3" {}
                    }
                }
                @for hour in [0, 6, 12, 18, 24] {
                    line.grid x1=(LABELS + hour * HOUR) x2=(LABELS + hour * HOUR) y1="0" y2=(7 * ROW) {}
                    text.axis x=(LABELS + hour * HOUR) y=(7 * ROW + 15) text-anchor="middle" { (hour) }
                }
            }
            figcaption.soft { (texts::hours_a_week(minutes / 60, minutes % 60)) }
        }
    }
}

fn clock(minutes: u32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours() -> Value {
        json!({
            "TimeZone": "Europe/Zurich",
            "Weekly": [
                {"Day": "Monday", "From": "08:00", "To": "12:00"},
                {"Day": "Monday", "From": "13:00", "To": "17:00"},
                {"Day": "Sunday", "From": "22:00", "To": "02:00"},
            ],
            "Exceptions": [
                {"Date": "2026-12-25", "Intervals": []},
                {"Date": "2026-12-31", "Intervals": [
                    {"From": "08:00", "To": "10:00"}, {"From": "11:00", "To": "12:00"},
                ]},
            ],
        })
    }

    fn filled() -> Filled {
        let mut filled = Filled::default();
        fill(&hours(), &mut filled);
        filled
    }

    #[test]
    fn what_was_answered_is_sent_again_unchanged() {
        assert_eq!(body(&filled()).unwrap(), hours());
        let mut always = Filled::default();
        fill(&Value::Null, &mut always);
        assert_eq!(body(&always), None);
    }

    #[test]
    fn another_row_is_empty_and_is_not_sent() {
        let mut filled = filled();
        for button in ["Monday", "Tuesday", "exception"] {
            filled.remove(ADD);
            filled.add(ADD, button);
            assert!(change(&mut filled));
        }
        assert_eq!(week_rows(&filled, "Monday", &mut 0).len(), 3);
        assert_eq!(exception_rows(&filled).len(), 4);
        assert_eq!(body(&filled).unwrap(), hours());
    }

    #[test]
    fn mondays_hours_are_copied_to_the_working_days() {
        let mut filled = filled();
        filled.add(ADD, "copy");
        assert!(change(&mut filled));
        let weekly = body(&filled).unwrap()["Weekly"].as_array().unwrap().len();
        assert_eq!(weekly, 11);
        assert_eq!(stretches(&filled)[4], [(480, 720), (780, 1_020)]);
    }

    #[test]
    fn what_passes_midnight_is_drawn_on_both_days() {
        let week = stretches(&filled());
        assert_eq!((&week[6][..], &week[0][0]), (&[(1_320, 1_440)][..], &(480, 720)));
        assert!(week[0].contains(&(0, 120)));
    }

    #[test]
    fn a_problem_is_said_beside_its_row() {
        let mut filled = filled();
        filled.remove("OpeningHours.Weekly.Sunday.To");
        filled.add("OpeningHours.Weekly.Sunday.To", "25:00");
        let mut failure = Failure::not_found();
        failure.problems.push(crate::failure::Problem {
            member: "OpeningHours.Weekly[2].To".to_owned(),
            message: "a time is expected".to_owned(),
        });
        let form = Form { filled: &filled, failure: Some(&failure) };
        let text = markup(&form).into_string();
        let said = text.find("a time is expected").unwrap();
        assert!(said > text.find("Sunday").unwrap() && text.contains(r#"value="25:00""#), "{text}");
        assert_eq!(text.matches(r#"aria-invalid="true""#).count(), 2);
    }
}
