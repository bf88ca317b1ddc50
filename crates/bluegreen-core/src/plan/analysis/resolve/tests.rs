use super::*;
use crate::plan::ServiceBaseline;
use crate::plan::managed::testing::{balancer_arn, group_arn};

fn arms<'a>(groups: &'a ByColor<TargetGroupArn>, services: [&'a str; 2]) -> ByColor<Arm<'a>> {
    ByColor {
        blue: Arm { service: services[0], group: &groups.blue },
        green: Arm { service: services[1], group: &groups.green },
    }
}

fn asked(metric: &str) -> spec::Analysis {
    let text = format!(
        "version: 1\nservice: front\nenvironments: {{ prod: {{ cluster: shop }} }}\n\
         taskDefinition: {{ file: t.json }}\nfleet: {{ service: front }}\nengine: ecs\nalarms: [5xx]\n\
         strategy: {{ linear: {{ step: 50, every: 15m }} }}\nanalysis: [ {metric} ]\n"
    );
    spec::parse("f", &text, None, &|_| None).unwrap_or_else(|report| panic!("{report}")).0.analysis.unwrap()
}

fn resolved(metric: &str, services: [&str; 2], stable: Color) -> (Analysis, Vec<String>) {
    let groups = ByColor { blue: group_arn("blue"), green: group_arn("green") };
    let mut findings = Vec::new();
    let analysis = resolve(&asked(metric), &balancer_arn(), &arms(&groups, services), stable, None, &mut findings);
    (analysis, findings.into_iter().map(|finding| finding.code).collect())
}

#[test]
fn the_load_balancers_metrics_are_taken_by_role() {
    let groups = ByColor { blue: group_arn("blue"), green: group_arn("green") };
    for (stable, canary) in [(Color::Blue, &groups.green), (Color::Green, &groups.blue)] {
        let (analysis, codes) = resolved("{ metric: errorRate }", ["s", "s"], stable);
        assert_eq!(codes, Vec::<String>::new());
        assert_eq!(analysis.sources[0].canary, Tally::errors(&balancer_arn(), canary));
        assert_eq!(analysis.sources[0].stable, Tally::errors(&balancer_arn(), groups.get(stable)));
        let (analysis, _) = resolved("{ metric: lost, name: all }", ["s", "s"], stable);
        assert_eq!((analysis.sources[0].metric.as_str(), &analysis.judge.metrics[0].name[..]), ("all", "all"));
        assert_eq!(analysis.sources[0].canary, Tally::lost(&balancer_arn(), canary));
        let (analysis, _) = resolved("{ metric: latency, threshold: 800ms }", ["s", "s"], stable);
        let threshold = std::time::Duration::from_millis(800);
        assert_eq!(analysis.sources[0].canary, Tally::latency(&balancer_arn(), canary, threshold));
    }
}

#[test]
fn dimensions_are_filled_in_for_each_fleet() {
    let metric = "{ metric: { namespace: Shop, name: Failed, exposure: Started, dimensions: \
                  { A: 'v-{{color}}', B: '{{ service }}/{{targetGroup}}', C: '{{loadBalancer}}', D: '{x}' } } }";
    let (analysis, codes) = resolved(metric, ["front-b", "front-g"], Color::Blue);
    assert_eq!(codes, Vec::<String>::new());
    let Bad::Sum(bad) = &analysis.sources[0].canary.bad else { panic!() };
    let MetricQuery::Series(series) = &bad[0] else { panic!() };
    let values: Vec<&str> = series.dimensions.values().map(String::as_str).collect();
    let (group, balancer) = (group_arn("green"), balancer_arn());
    let service = format!("front-g/{}", group.dimension());
    assert_eq!(values, ["v-green", &service, balancer.dimension(), "{x}"]);
    assert_eq!((series.name.as_str(), series.statistic.as_str()), ("Failed", "Sum"));
    let MetricQuery::Series(all) = &analysis.sources[0].stable.all else { panic!() };
    assert_eq!((all.name.as_str(), all.dimensions["A"].as_str()), ("Started", "v-blue"));
}

#[test]
fn one_series_for_both_fleets_is_refused() {
    let by_service =
        "{ metric: { namespace: Shop, name: Failed, exposure: Started, dimensions: { A: '{{service}}' } } }";
    assert_eq!(resolved(by_service, ["front", "front"], Color::Blue).1, ["BG3300"]);
    assert_eq!(resolved(by_service, ["front-b", "front-g"], Color::Blue).1, Vec::<String>::new());
}

#[test]
fn a_plans_analysis_can_be_asked_for_again() {
    let groups = ByColor { blue: group_arn("blue"), green: group_arn("green") };
    let metric = "{ metric: { name: m, bad: { math: 'a + b', series: \
                  { a: { namespace: N, name: A, dimensions: { V: '{{color}}' } }, b: { namespace: N, name: B } } }, \
                  all: { namespace: N, name: C, statistic: SampleCount, dimensions: { V: '{{color}}' } } } }";
    for stable in Color::ALL {
        let (analysis, codes) = resolved(metric, ["s", "s"], stable);
        assert_eq!(codes, Vec::<String>::new());
        let mut findings = Vec::new();
        let again = analysis.asked(stable.other());
        assert_eq!(resolve(&again, &balancer_arn(), &arms(&groups, ["s", "s"]), stable, None, &mut findings), analysis);
        // The other way round the same colours are still counted by themselves.
        let back = resolve(&again, &balancer_arn(), &arms(&groups, ["s", "s"]), stable.other(), None, &mut findings);
        assert_eq!(
            (&back.sources[0].canary, &back.sources[0].stable),
            (&analysis.sources[0].stable, &analysis.sources[0].canary)
        );
        assert_eq!(findings, []);
    }
}

/// The control fleet has no colour; its service and group tell it apart.
#[test]
fn a_control_fleet_is_counted_by_itself_where_it_can_be() {
    let groups = ByColor { blue: group_arn("blue"), green: group_arn("green") };
    let service = ServiceBaseline {
        arn: "s".into(),
        name: "front-control".into(),
        created_at: None,
        task_definition: "arn:aws:ecs:eu-west-3:111122223333:task-definition/web:1".parse().unwrap(),
        desired: 0,
    };
    let fleet = ControlFleet { service, group: group_arn("control") };
    let of = |metric: &str| {
        let arms = arms(&groups, ["b", "g"]);
        let analysis = resolve(&asked(metric), &balancer_arn(), &arms, Color::Blue, Some(&fleet), &mut Vec::new());
        let again = analysis.asked(Color::Green);
        let again = resolve(&again, &balancer_arn(), &arms, Color::Blue, Some(&fleet), &mut Vec::new());
        assert_eq!(again, analysis);
        analysis.sources[0].control.clone()
    };
    assert_eq!(of("{ metric: errorRate }"), Some(Tally::errors(&balancer_arn(), &fleet.group)));
    let own = |word: &str| {
        format!("{{ metric: {{ namespace: N, name: B, exposure: A, dimensions: {{ V: 'x-{{{{{word}}}}}' }} }} }}")
    };
    assert_eq!(of(&own("color")), None);
    let Some(MetricQuery::Series(all)) = of(&own("service")).map(|tally| tally.all) else { panic!() };
    assert_eq!(all.dimensions["V"], "x-front-control");
}
