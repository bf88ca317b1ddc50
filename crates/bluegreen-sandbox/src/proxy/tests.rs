mod failures;
mod health;
mod kit;
mod messages;
mod protocols;
mod splits;
mod sticky;
mod swaps;
