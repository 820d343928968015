# 2026-11-27 is a Friday.

test "nine in the morning in Tokyo, midnight in Greenwich" {
  event {
    source = "alarms"
    type   = "sns.notification"
    time   = "2026-11-27T00:00:00Z"
    data   = { message = "disk full" }
  }

  expect {
    arguments = { channel = "#office", text = "09:00 disk full" }
  }

  expect_deliveries = 1
}

test "the last second of the working day" {
  event {
    source = "alarms"
    type   = "sns.notification"
    time   = "2026-11-27T08:59:59Z"
    data   = { message = "disk full" }
  }

  expect {
    arguments = { channel = "#office" }
  }

  expect_deliveries = 1
}

test "six in the evening" {
  event {
    source = "alarms"
    type   = "sns.notification"
    time   = "2026-11-27T18:00:00+09:00"
    data   = { message = "disk full" }
  }

  expect {
    arguments = { channel = "#on-call", text = "Fri 18:00 disk full" }
  }

  expect_deliveries = 1
}

test "the last second before nine" {
  event {
    source = "alarms"
    type   = "sns.notification"
    time   = "2026-11-27T08:59:59+09:00"
    data   = { message = "disk full" }
  }

  expect {
    arguments = { channel = "#on-call" }
  }

  expect_deliveries = 1
}

test "Saturday at noon" {
  event {
    source = "alarms"
    type   = "sns.notification"
    time   = "2026-11-28T12:00:00+09:00"
    data   = { message = "disk full" }
  }

  expect {
    arguments = { channel = "#on-call", text = "Sat 12:00 disk full" }
  }

  expect_deliveries = 1
}
