//! Table tests: one line of state in, one line of decision out.
