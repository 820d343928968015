test "a measurement is taken, so the fallback is not used" {
  event {
    source = "lab"
    type   = "intdash.measurement.created"
    data   = { resource_type = "measurement", action = "created", measurement_uuid = "m1" }
  }

  expect {
    rule      = "measurement"
    arguments = { text = "Measurement m1: created" }
  }

  expect_deliveries = 1
}

test "an edge is taken" {
  event {
    source = "lab"
    type   = "intdash.edge.updated"
    data   = { resource_type = "edge", action = "updated", resource_uuid = "e1" }
  }

  expect {
    rule = "edge"
  }

  expect_deliveries = 1
}

test "a user is taken by nobody" {
  event {
    source = "lab"
    type   = "intdash.user.created"
    data   = { resource_type = "user", action = "created" }
  }

  expect {
    rule      = "anything-else"
    arguments = { text = "Nobody knows what to do with intdash.user.created" }
  }

  expect_deliveries = 1
}
