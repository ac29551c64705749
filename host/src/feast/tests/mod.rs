//! Repositories in, projects out.
