test "each team hears of its folder only" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "radar/scan-7.bin" } }
  }

  expect {
    rule      = "team[\"radar\"]"
    arguments = { channel = "#radar", text = "radar: scan-7.bin has arrived" }
  }

  expect {
    rule  = "team[\"vision\"]"
    count = 0
  }

  expect_deliveries = 1
}

test "the other teams" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "cameras/1.mp4" } }
  }

  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "maps/tokyo.osm" } }
  }

  expect {
    rule = "team[\"vision\"]"
  }

  expect {
    rule = "team[\"maps\"]"
  }

  expect_deliveries = 2
}

test "a folder of no team, and a removal" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "tmp/x" } }
  }

  event {
    source = "uploads"
    type   = "s3.object.removed"
    data   = { object = { key = "radar/scan-7.bin" } }
  }

  expect_deliveries = 0
}
