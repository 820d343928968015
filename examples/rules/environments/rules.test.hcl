test "production" {
  variables = { environment = "production" }

  event {
    source = "lab"
    type   = "intdash.edge.deleted"
    data   = { resource_type = "edge", action = "deleted", resource_uuid = "e1" }
  }

  event {
    source = "lab"
    type   = "intdash.edge.created"
    data   = { resource_type = "edge", action = "created" }
  }

  expect {
    arguments = { channel = "#ops", text = "edge e1 was deleted in production" }
  }

  expect_deliveries = 1
}

test "staging" {
  variables = { environment = "staging" }

  event {
    source = "lab"
    type   = "intdash.edge.deleted"
    data   = { resource_type = "edge", action = "deleted", resource_uuid = "e1" }
  }

  event {
    source = "lab"
    type   = "intdash.edge.created"
    data   = { resource_type = "edge", action = "created" }
  }

  expect {
    rule      = "deleted"
    arguments = { channel = "#ops-staging" }
  }

  expect {
    rule      = "everything"
    arguments = { channel = "#ops-staging", text = "intdash.edge.created" }
  }

  expect_deliveries = 2
}
