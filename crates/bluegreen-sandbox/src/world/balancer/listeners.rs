//! Listeners: made, changed and deleted.

use std::collections::BTreeMap;

use bluegreen_core::model::{Action, ListenerArn, LoadBalancerArn, RouteId, RuleArn};
use serde_json::{Value, json};

use super::super::refusal::Refused;
use super::super::tags::Tags;
use super::super::{ListenerRecord, RouteRecord, State, World, Writer};
use super::actions::Place;
use super::attributes::{self, Kind};
use crate::seed::draw;

/// What `ModifyListener` changes; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ListenerChange {
    /// The port.
    pub port: Option<u16>,
    /// The protocol.
    pub protocol: Option<String>,
    /// The default certificate.
    pub certificate: Option<String>,
    /// The security policy.
    pub ssl_policy: Option<String>,
    /// `MutualAuthentication`.
    pub mutual_authentication: Option<Value>,
    /// The default actions.
    pub actions: Option<Vec<Action>>,
}

impl World {
    /// `CreateListener`.
    pub fn create_listener(
        &mut self,
        record: ListenerRecord,
        actions: Vec<Action>,
        tags: Tags,
        writer: Writer,
    ) -> Result<ListenerArn, Refused> {
        let balancer = record.balancer.clone();
        self.balancer_record(&balancer)?;
        self.check_listener(None, &record)?;
        let most = self.config.quotas.listeners_per_balancer;
        if self.state.listeners_of(&balancer).count() >= most {
            return Err(Refused::new("TooManyListeners", format!("load balancer '{balancer}' has {most}")));
        }
        let place = Place { balancer: &balancer, protocol: &record.protocol, route: None };
        self.check_actions_at(&place, &actions)?;
        let id = self.fresh_id("listener");
        let arn: ListenerArn = self.balancer_arn(format_args!("listener/{}/{id}", balancer.dimension()))?;
        let now = self.now;
        let route = RouteRecord { writer, written_at: now, ..RouteRecord::new("default", json!([]), actions) };
        self.change(|state| {
            state.listeners.insert(arn.clone(), record);
            state.routes.insert(RouteId::DefaultAction(arn.clone()), route);
            state.keep_tags(arn.as_str(), tags);
        });
        Ok(arn)
    }

    /// `ModifyListener`. The default actions change through [`World::set_actions`].
    pub fn modify_listener(
        &mut self,
        arn: &ListenerArn,
        change: ListenerChange,
        writer: Writer,
    ) -> Result<(), Refused> {
        let mut record = self.listener(arn)?.clone();
        record.port = change.port.unwrap_or(record.port);
        record.protocol = change.protocol.unwrap_or(record.protocol);
        record.certificate = change.certificate.or(record.certificate);
        record.ssl_policy = change.ssl_policy.or(record.ssl_policy);
        record.mutual_authentication = change.mutual_authentication.or(record.mutual_authentication);
        if record.protocol == "HTTP" {
            // What belongs to TLS goes with it.
            (record.certificate, record.ssl_policy, record.mutual_authentication) = (None, None, None);
        } else {
            record.ssl_policy.get_or_insert_with(|| ListenerRecord::SSL_POLICY.to_owned());
        }
        self.check_listener(Some(arn), &record)?;
        let id = RouteId::DefaultAction(arn.clone());
        let place = |route| Place { balancer: &record.balancer, protocol: &record.protocol, route: Some(route) };
        for (route, old) in self.state.routes.iter().filter(|(route, _)| route.listener() == *arn) {
            let actions = change.actions.as_ref().filter(|_| *route == id).unwrap_or(&old.actions);
            self.check_actions_at(&place(route), actions)?;
        }
        self.change(|state| {
            state.listeners.insert(arn.clone(), record);
        });
        if let Some(actions) = &change.actions {
            self.set_actions(&id, actions, writer).map_err(|(_, text)| Refused::value(text))?;
        }
        Ok(())
    }

    /// `DeleteListener`: its rules go with it.
    pub fn delete_listener(&mut self, arn: &ListenerArn) -> Result<(), Refused> {
        self.listener(arn)?;
        self.change(|state| state.remove_listener(arn));
        Ok(())
    }

    /// `ModifyListenerAttributes`.
    pub fn set_listener_attributes(&mut self, arn: &ListenerArn, changes: &[(String, String)]) -> Result<(), Refused> {
        self.listener(arn)?;
        attributes::check(Kind::Listener, changes)?;
        self.change(|state| {
            if let Some(listener) = state.listeners.get_mut(arn) {
                listener.attributes.extend(changes.iter().cloned());
            }
        });
        Ok(())
    }

    pub(super) fn listener(&self, arn: &ListenerArn) -> Result<&ListenerRecord, Refused> {
        self.state.listeners.get(arn).ok_or_else(|| Refused::new("ListenerNotFound", arn.as_str()))
    }

    fn check_listener(&self, arn: Option<&ListenerArn>, record: &ListenerRecord) -> Result<(), Refused> {
        let protocol = &record.protocol;
        if !["HTTP", "HTTPS"].contains(&protocol.as_str()) {
            return Err(Refused::value(format!("listener protocol '{protocol}' must be one of 'HTTPS, HTTP'")));
        }
        if record.port == 0 {
            return Err(Refused::value("listener port '0' must be between 1 and 65535"));
        }
        match (protocol.as_str(), &record.certificate) {
            ("HTTPS", None) => return Err(Refused::value("a certificate must be specified for HTTPS listeners")),
            ("HTTP", None) if record.ssl_policy.is_some() => {
                return Err(Refused::value("an SSL policy cannot be specified for HTTP listeners"));
            }
            ("HTTP", Some(_)) => return Err(Refused::value("a certificate cannot be specified for HTTP listeners")),
            (_, Some(certificate)) if !is_certificate(certificate) => {
                return Err(Refused::new("CertificateNotFound", format!("certificate '{certificate}' not found")));
            }
            _ => {}
        }
        if let Some(policy) = record.ssl_policy.as_ref().filter(|policy| !policy.starts_with("ELBSecurityPolicy-")) {
            return Err(Refused::new("SSLPolicyNotFound", format!("SSL policy '{policy}' not found")));
        }
        let mut others = self.state.listeners_of(&record.balancer);
        if others.any(|(other, listener)| Some(other) != arn && listener.port == record.port) {
            let text = format!("a listener already exists on port {} of '{}'", record.port, record.balancer);
            return Err(Refused::new("DuplicateListener", text));
        }
        Ok(())
    }
}

fn is_certificate(arn: &str) -> bool {
    let resource = |prefix: &str| arn.splitn(6, ':').nth(5).is_some_and(|resource| resource.starts_with(prefix));
    let service = |name: &str| arn.split(':').nth(2) == Some(name);
    arn.starts_with("arn:")
        && ((service("acm") && resource("certificate/")) || (service("iam") && resource("server-certificate/")))
}

impl State {
    /// The ARN under which `DescribeRules` shows the default rule of a listener.
    pub fn default_rule(listener: &ListenerArn) -> Option<RuleArn> {
        let id = draw(0, &("default rule", listener.as_str()));
        format!("{}/{id:016x}", listener.as_str().replacen(":listener/", ":listener-rule/", 1)).parse().ok()
    }

    /// What an ARN of a rule names: a rule, or the default action of a listener.
    pub fn route_of(&self, rule: &RuleArn) -> Option<RouteId> {
        let id = RouteId::Rule(rule.clone());
        if self.routes.contains_key(&id) {
            return Some(id);
        }
        let listener = rule.listener();
        let default = self.listeners.contains_key(&listener) && State::default_rule(&listener).as_ref() == Some(rule);
        default.then_some(RouteId::DefaultAction(listener))
    }

    /// Takes a listener away with its routes and all their tags.
    pub(super) fn remove_listener(&mut self, arn: &ListenerArn) {
        self.listeners.remove(arn);
        self.routes.retain(|id, _| id.listener() != *arn);
        let rules = arn.as_str().replacen(":listener/", ":listener-rule/", 1) + "/";
        self.tags.retain(|tagged, _| tagged != arn.as_str() && !tagged.starts_with(&rules));
    }

    /// All attributes of a listener.
    pub fn listener_attributes(&self, arn: &ListenerArn) -> Option<BTreeMap<String, String>> {
        Some(attributes::all(Kind::Listener, &self.listeners.get(arn)?.attributes))
    }

    /// Takes all listeners of a load balancer away.
    pub(super) fn remove_listeners_of(&mut self, balancer: &LoadBalancerArn) {
        let listeners: Vec<ListenerArn> = self.listeners_of(balancer).map(|(arn, _)| arn.clone()).collect();
        for listener in &listeners {
            self.remove_listener(listener);
        }
    }
}
