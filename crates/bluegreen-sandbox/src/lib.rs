//! AWS on a laptop: a deterministic world in virtual time, behind the same ports that the AWS adapters implement, behind
//! AWS's own APIs, or with real processes and a real load balancer around it.
//!
//! - [`world`]: what AWS knows and how it behaves, as a function of virtual time.
//! - [`wire`]: requests and answers as trees, in AWS's protocols; [`services`]: what answers them; [`api`]: the two
//!   together, with whatever goes wrong on the way.
//! - [`fronts`]: how the world is reached: as ports, by an SDK's client in the same process, over loopback HTTP.
//! - [`faults`]: what goes wrong with single calls; [`world::Deed`]: what other people do meanwhile.
//! - [`executor`]: operators polled one at a time in a chosen order, killed and replaced, and all their interleavings.
//! - [`stage`]: what operators share, and where the laws are asked.
//! - [`store`]: journals in memory, with the lock of a dead operator released like a dead process's.
//! - [`laws`]: the safety properties, judged at the instant of every write.
//! - [`scenario`]: a ready-made shop with its plan.
//! - [`simulate`]: somebody's own plan, run many times.
//!
//! Nothing above reads the real clock or real randomness, but for the front over HTTP: the same seed gives the same run,
//! call for call. What follows is the real half, which knows nothing of the world:
//!
//! - [`proxy`]: the data plane: listeners that really listen and split real requests.
//! - [`tasks`]: containers as local processes, and the health checks of what they serve.
//! - [`demo_service`]: the service that a newcomer releases, as good or as bad as its environment says.
//! - [`load`]: requests at a steady rate or as fast as they are answered, counted by status, version and second.
//!
//! [`live`] brings both halves together, and [`shop`] is something to release into there.

pub mod api;
pub mod demo_service;
pub mod executor;
pub mod faults;
pub mod fronts;
pub mod laws;
pub mod live;
pub mod load;
pub mod proxy;
pub mod scenario;
pub mod seed;
pub mod services;
pub mod shop;
pub mod simulate;
pub mod stage;
pub mod store;
pub mod tasks;
pub mod trace;
pub mod wire;
pub mod world;
