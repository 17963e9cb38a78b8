# shellcheck shell=bash disable=SC2154 # $json is of the script that sources it
# Sourced by the scripts of this folder: one figure, as a line of a table or, when $json is yes, as one JSON object.

export LC_ALL=C.UTF-8 # a point in decimals, not a comma

number() { awk -v x="$1" 'BEGIN { if (x == "null" || x == "") print "null"; else printf "%.5g\n", x }'; }

# report WHAT VALUE UNIT PEER PEER_VALUE TARGET DIRECTION
# PEER may be empty; PEER_VALUE and TARGET may be null. DIRECTION says how VALUE is held against TARGET: ">=", "<=", or
# "ratio<=", "ratio>=" for VALUE / PEER_VALUE.
report() {
    local value peer_value target ratio=null held ok=null
    value=$(number "$2") peer_value=$(number "$5") target=$(number "$6")
    [ "$value" = null ] || [ "$peer_value" = null ] ||
        ratio=$(awk -v a="$2" -v b="$5" 'BEGIN { if (b == 0) print "null"; else printf "%.4f\n", a / b }')
    held=$2
    [ "$7" = "${7#ratio}" ] || held=$ratio
    [ "$held" = null ] || [ "$target" = null ] ||
        ok=$(awk -v a="$held" -v b="$6" -v d="${7#ratio}" 'BEGIN { print (d == ">=" ? a >= b : a <= b) ? "true" : "false" }')
    if [ "$json" = yes ]; then
        jq -nc --arg what "$1" --argjson value "$value" --arg unit "$3" --arg peer "$4" --argjson peer_value "$peer_value" \
            --argjson ratio "$ratio" --argjson target "$target" --argjson ok "$ok" \
            '{what: $what, value: $value, unit: $unit, peer: (if $peer == "" then null else $peer end),
              peer_value: $peer_value, ratio: $ratio, target: $target, ok: $ok}'
    else
        printf '%-52s %9s %-3s' "$1" "$value" "$3"
        [ "$peer_value" = null ] || printf '  %-14s %9s  ratio %-7s' "$4" "$peer_value" "$ratio"
        [ "$ok" = null ] || printf '  target %s %s: %s' "$7" "$target" "$ok"
        printf '\n'
    fi
}
