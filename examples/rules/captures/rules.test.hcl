test "a recording" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "recordings/2026-11-27/car-3.mcap" } }
  }

  expect {
    arguments = { text = "Car 3 was recorded on 2026-11-27" }
    order_key = "3"
  }
}

test "keys of another form, and removals" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "recordings/2026-11-27/car-x.mcap" } }
  }

  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "old/recordings/2026-11-27/car-3.mcap" } }
  }

  event {
    source = "uploads"
    type   = "s3.object.removed"
    data   = { object = { key = "recordings/2026-11-27/car-3.mcap" } }
  }

  expect_deliveries = 0
}
