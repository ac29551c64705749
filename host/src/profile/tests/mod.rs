//! Profiles and comparisons: figures against scipy, and what each kind of change is called.

mod figures;
mod kinds;
mod quiet;
