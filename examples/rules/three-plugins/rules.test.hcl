test "a completed measurement goes to all three" {
  event {
    source = "lab"
    body   = <<-EOT
      {
        "resource_type": "measurement",
        "action": "completed",
        "measurement_uuid": "1a14f158-2a0c-44c7-ace1-e0d21ecc93e9",
        "project_uuid": "00000000-0000-0000-0000-000000000000"
      }
    EOT
  }

  expect {
    plugin    = "mail"
    arguments = { to = ["ops@example.com"] }
    order_key = ""
  }

  expect {
    plugin    = "ops"
    arguments = { text = "Measurement 1a14f158-2a0c-44c7-ace1-e0d21ecc93e9 is complete" }
    order_key = ""
  }

  expect {
    plugin    = "rooms"
    arguments = { room = "lab", json = "{\"measurement\":\"1a14f158-2a0c-44c7-ace1-e0d21ecc93e9\"}" }
    order_key = "00000000-0000-0000-0000-000000000000"
  }

  expect_deliveries = 3
}

test "a new measurement, and a completed something else" {
  event {
    source = "lab"
    type   = "intdash.measurement.created"
    data   = { resource_type = "measurement", action = "created" }
  }

  event {
    source = "lab"
    type   = "intdash.job.completed"
    data   = { resource_type = "job", action = "completed" }
  }

  expect_deliveries = 0
}
