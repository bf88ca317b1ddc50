mod kit;
mod splits;
mod swaps;
