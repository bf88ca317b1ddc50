//! AWS on a laptop: a deterministic world in virtual time behind the same ports that the AWS adapters implement.
//!
//! - [`world`]: what AWS knows and how it behaves, as a function of virtual time.
//! - [`fronts`]: the world as ports; every call yields before it is made and before its answer arrives.
//! - [`wire`]: requests and answers as trees, in AWS's protocols; [`services`]: what answers them; [`api`]: all of that
//!   around one world and its clock.
//! - [`faults`]: what goes wrong with single calls; [`world::Deed`]: what other people do meanwhile.
//! - [`executor`]: operators polled one at a time in a chosen order, killed and replaced, and all their interleavings.
//! - [`stage`]: what operators share, and where the laws are asked.
//! - [`store`]: journals in memory, with the lock of a dead operator released like a dead process's.
//! - [`laws`]: the safety properties, judged at the instant of every write.
//! - [`scenario`]: a ready-made shop with its plan.
//!
//! Nothing above reads the real clock or real randomness: the same seed gives the same run, call for call. What follows
//! is the real half of a sandbox, which knows nothing of the world:
//!
//! - [`proxy`]: the data plane: listeners that really listen and split real requests.
//! - [`tasks`]: containers as local processes, and the health checks of what they serve.
//! - [`demo_service`]: the service that a newcomer releases, as good or as bad as its environment says.

pub mod demo_service;
pub mod api;
pub mod executor;
pub mod faults;
pub mod fronts;
pub mod laws;
pub mod proxy;
pub mod scenario;
pub mod seed;
pub mod services;
pub mod stage;
pub mod store;
pub mod tasks;
pub mod trace;
pub mod wire;
pub mod world;
