# SPDX-License-Identifier: GPL-2.0-or-later
# The same traffic captured at the device and at the WAP, with what the peers and the router know of each connection at
# both. What each sample shows is in samples/pairs.md. Sourced by record.

# pair: what these scenarios have in common; to be called before begin.
pair() {
    pair=yes keep_messages=no joined='' captured='device wap'
    # shellcheck disable=SC2016 # nginx's variable
    proxy_directives='proxy_set_header X-Request-ID $request_id;'
}

# What the WAP calls a request, and what a server was told that the WAP calls it.
request_names() {
    # shellcheck disable=SC2016 # nginx's variables
    echo ',"request_id":"$request_id","passed_on":"$http_x_request_id"'
}

# A log of requests that there are many of.
brief_format() {
    cat <<'END'
    log_format brief escape=json '{"client":"$remote_addr","client_port":"$remote_port","method":"$request_method",'
        '"uri":"$request_uri","status":"$status","request_id":""}';
END
}

# --- what is known besides the captures ---

# The kernels of device and WAP tell of every TCP socket that ends, with its addresses and counters. The router logs what
# it drops, in a group for each direction.
watch_begins() {
    local host
    for host in device wap; do
        start "$host" "sockets-$host" stdbuf -oL ss -HtniE
    done
    [[ $router == yes ]] || return 0
    start router dropped python3 "$here/nflog.py" 7 8
    until_true 'the log of what is dropped' grep -q ready "$work/logs/dropped.log"
}

# drop DIRECTION: in nftables' words; DIRECTION is to-wap or to-device, by the counter of that name.
drop() { echo "log group $([[ $1 == to-wap ]] && echo 7 || echo 8) counter name \"${1/-/_}\" drop;"; }

# router_rules RULES: of the hook forward, besides what stands before them.
router_rules() {
    on router nft -f - <<END
table ip scep {
    counter to_wap { }
    counter to_device { }
    ${2:-}
    chain extra {
        type filter hook forward priority 0;
        $1
    }
}
END
}

watch_ends() {
    local host
    for host in device wap; do
        # Those that still live, too.
        on "$host" ss -Htni state connected exclude time-wait >>"$work/logs/sockets-$host.log"
        stop "sockets-$host"
    done
    [[ $router == yes ]] || return 0
    on router cat /proc/net/nf_conntrack >"$work/logs/conntrack.log"
    on router nft list counters >"$work/logs/counters.log"
    until_true 'what was dropped' all_dropped_logged
    stop dropped
}

all_dropped_logged() {
    local counted
    counted=$(awk '$1 == "packets" { sum += $2 } END { print sum + 0 }' "$work/logs/counters.log")
    (($(wc -l <"$work/logs/dropped.log") == counted + 1))
}

# keep_pair: what is known becomes truth/pairs.json.
keep_pair() {
    "$here/pairs.py" "$work" "$keep_messages" "$joined"
    ((${#rewritten[@]} == 0)) || "$here/rewrite_pair.py" "$work/sample" "$work/sample" "${rewritten[@]}"
}

# rewrites SAMPLE OPERATION…: what rewrite_pair.py makes of a recorded sample.
rewrites() {
    [[ -d $samples/$1 ]] || die "$1 has to be recorded first"
    "$here/rewrite_pair.py" "$samples/$1" "$work/sample" "${@:2}"
}

# --- nothing in between ---

# Two enrolments: the clocks can be compared for long enough.
scenario_pair_plain() {
    windows
    pair
    keep_messages=yes prepare=two_messages pauses=(2 4) size_limit=300000
    begin
    expect device "$new_connection" 5
    windows_device ask_get
    ends_with 0
    keep_issued 05
    sleep 6
    preflight=no message=second windows_device ask_post
    ends_with 0
    keep_device_key "$work/client-second/key" device-2
    arranged 2 'A Windows device enrols, and 6 s later once more, without a pre-flight.'
}

scenario_pair_twenty() {
    crowd 20
    pair
    preflight=no size_limit=1000000
    begin
    expect device "$new_connection" 40
    crowd_enrols
    arranged 20 'Twenty Windows devices, each with an address of its own, enrol at the same time, without a pre-flight.'
}

# --- the router ---

# The router translates both ends, the devices' ports too, and, as routers do, lowers the MSS in the SYNs of both sides.
scenario_pair_nat() {
    crowd 3
    pair
    router=yes size_limit=500000
    begin
    expect device "$new_connection" 9
    expect wap "$new_connection && ip.src == 203.0.113.1" 9
    sed -i 's/^203\.0\.113\.20 /192.0.2.1 /' "/etc/netns/$(namespace device)/hosts"
    on router nft -f - <<'END'
table ip translation {
    chain source {
        type nat hook postrouting priority srcnat;
        oifname "towards-wap" masquerade random
    }
    chain destination {
        type nat hook prerouting priority dstnat;
        ip daddr 192.0.2.1 tcp dport 443 dnat to 203.0.113.20
    }
}
END
    # So that the router still knows when it is asked.
    on router sysctl -qw net.netfilter.nf_conntrack_tcp_timeout_{close,time_wait}=600
    router_rules 'tcp flags syn tcp option maxseg size set 1360'
    crowd_enrols
    arranged 3 "Three Windows devices enrol at once. They call the router, which translates the addresses of both ends and \
the devices' ports, and lowers the MSS of both to 1360."
}

# loss PERCENT COUNT: of the packets in each direction. There is something to lose: so many small requests of a monitor,
# which the WAP answers, and three enrolments with requests of several segments.
loss() {
    windows
    slim
    pair
    router=yes size_limit=560000 prepare=three_messages challenge=$(openssl rand -hex 1500)
    wap_directives+='large_client_header_buffers 4 32k; '
    wap_directives+="location = /monitor { access_log $work/logs/wap-access.log brief; return 204; }"
    ndes_directives='large_client_header_buffers 4 32k;'
    begin
    router_rules "iifname towards-device numgen random mod 100 < $1 $(drop to-wap)
        iifname towards-wap numgen random mod 100 < $1 $(drop to-device)"
    SSLKEYLOGFILE=$work/device.keylog on device curl -q --silent --show-error "${curl_options[@]}" \
        "https://scep.contoso.com/monitor?[1-$2]" >"$truth/logs/monitor.log" 2>&1 || die "the monitor gave up"
    for message in message second third; do
        windows_device ask_get
        ends_with 0
    done
    (($(on router nft list counters | grep -c 'packets [1-9]') == 2)) || die 'nothing was lost in one direction'
    keep_device_key "$work/client-second/key" device-2
    keep_device_key "$work/client-third/key" device-3
    arranged 3 "The router loses $1 percent of the packets in each direction. A monitor asks $2 times on one connection, \
then a Windows device enrols three times with long requests."
}

three_messages() {
    make_message
    make_message second
    make_message third
}

scenario_pair_loss_1() { loss 1 120; }

scenario_pair_loss_5() { loss 5 50; }

# A firewall that does not like long requests: it drops the packet, and whatever follows, and resets both ends.
scenario_pair_rst() {
    windows
    pair
    router=yes unlogged=1
    begin
    router_rules "ip saddr . tcp sport @cut $(drop to-wap)
        ip daddr . tcp dport @cut $(drop to-device)
        iifname towards-device ip length > 1000 add @cut { ip saddr . tcp sport } $(drop to-wap)" \
        'set cut { type ipv4_addr . inet_service; flags dynamic; size 64; }'
    start router middlebox python3 "$here/middlebox.py" towards-device 1000
    until_true 'the middlebox' grep -q ready "$work/logs/middlebox.log"
    fails ask_get 56
    arranged 1 'A firewall drops the first long packet of the PKIOperation and resets the connection at both ends.' \
        device-wap pki-operation 'RST from the firewall after the request'
}

# An MTU black hole on the way to the WAP: what is too large is dropped, and the device is not told.
scenario_pair_mtu() {
    windows
    pair
    router=yes unlogged=1 curl_options+=(--max-time 4)
    begin
    on router ip route change 203.0.113.0/24 dev towards-wap mtu 1400
    on router nft -f - <<'END'
table ip scep {
    counter to_wap { }
    chain silence {
        type filter hook output priority 0;
        icmp type destination-unreachable drop
    }
    chain too_large {
        type filter hook prerouting priority 0;
        iifname towards-device ip length > 1400 log group 7 counter name "to_wap"
    }
}
END
    fails ask_get 28
    # What it has not got rid of yet, the device's kernel would go on trying to send: it ends the connection by RST.
    on device ss -K -t state fin-wait-1 >/dev/null
    on router nft list counters | grep -q "packets $(cannot_send_on) " ||
        die 'the router dropped other packets than those that were too large'
    arranged 1 'The router sends nothing of more than 1400 octets to the WAP and does not say so (an MTU black hole).' \
        device-wap pki-operation 'the long segments of the request never reach the WAP; the device gives up after 4 s'
}

# How many packets were too large, by the kernel's own count (FragFails of RFC 4293).
cannot_send_on() {
    on router awk '$1 == "Ip:" { for (i = 2; i <= NF; i++) if (name[i] == "FragFails") print $i; else name[i] = $i }' \
        /proc/net/snmp
}

# --- segments longer than a link carries ---

# long_enrolment HOST SETTING: with requests of many segments, where the interface of HOST joins segments.
long_enrolment() {
    windows
    slim
    pair
    joined=$1 router=yes preflight=no challenge=$(openssl rand -hex 4000) prepare=two_messages size_limit=300000
    wap_directives+='large_client_header_buffers 4 32k;' ndes_directives='large_client_header_buffers 4 32k;'
    begin
    # shellcheck disable=SC2086 # words
    on "$1" ethtool -K $2 >/dev/null
    windows_device ask_get
    ends_with 0
    message=second windows_device ask_post
    ends_with 0
    keep_device_key "$work/client-second/key" device-2
}

# The device hands long segments to its interface, with their checksums unfinished; the router cuts them. As in Windows,
# some have no length.
scenario_pair_lso() {
    rewritten=(lengthless:device)
    long_enrolment device 'device tx on tso on gso on'
    expect device 'frame.len > 1514 && ip.src == 192.0.2.10' some
    expect wap 'frame.len > 1514' 0
    arranged 2 'The device leaves cutting and checksums of segments to its interface; it enrols twice, with long requests.'
}

# What arrives at the WAP is put together before it is captured.
scenario_pair_gro() {
    long_enrolment wap 'wap-outside gro on'
    expect device 'frame.len > 1514 && ip.src == 192.0.2.10' 0
    expect wap 'frame.len > 1514 && ip.src == 192.0.2.10' some
    arranged 2 'The interface of the WAP puts segments together; the device enrols twice, with long requests.'
}

# --- more than two ---

scenario_pair_three() {
    windows
    pair
    captured='device wap ndes' pauses=(2 4) keep_messages=yes size_limit=300000
    rewritten=(clock:device,-1.25,12 clock:wap,37,-30 clock:ndes,3600.5,80)
    begin
    windows_device ask_get
    ends_with 0
    keep_issued 05
    arranged 1 'A Windows device enrols; device, WAP and NDES have clocks of their own.'
}

# NDES and CRP have clocks of their own, and only logs.
scenario_pair_logs() {
    logs
    pair
    wap=yes inner_scheme=https captured='device wap' keep_messages=yes pauses=(2 4) size_limit=300000
    ahead=([ndes]=41.3 [crp]=37.9)
    begin
    enrols 0 ask_get
    arranged 1 'A Windows device enrols; of NDES and the CRP, 41.3 s and 37.9 s ahead, there are logs and no captures.'
}

# --- made of pair-plain ---

rewritten_pair_shifted() { rewrites pair-plain clock:wap,37,50; }

rewritten_pair_step() { rewrites pair-plain step:wap,5,3; }

rewritten_pair_step_back() { rewrites pair-plain step:wap,-8,3.5; }

rewritten_pair_jitter() { rewrites pair-plain delay:1,20,14,1.5; }

rewritten_pair_duplicates() { rewrites pair-plain duplicates:device,1; }

rewritten_pair_truncated() { rewrites pair-plain truncated:wap,128; }

rewritten_pair_sequence() { rewrites pair-plain sequence:wap,1; }
