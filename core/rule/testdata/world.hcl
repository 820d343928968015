source "intdash" "lab" {}
source "s3" "bucket" {}
source "sns" "topic" {}
source "websocket" "chat" {}
source "custom" "other" {}

plugin "note" "ops" {}
plugin "note" "dev" {}
plugin "all" "all" {}
