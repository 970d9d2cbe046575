//! Reference data: code lists and customs offices, dated.
