source "intdash" "lab" {}
source "s3" "bucket" {}
source "sns" "topic" {}
source "websocket" "chat" {}

plugin "note" "ops" {}
plugin "note" "dev" {}
plugin "all" "all" {}
