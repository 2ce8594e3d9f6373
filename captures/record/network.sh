# SPDX-License-Identifier: GPL-2.0-or-later
# Namespaces device, wap and ndes, a router between the first two where one is wanted, what lies behind NDES, their links,
# and a capture at each vantage point. Sourced by record.

# The name of the namespace of HOST: unique to this run.
namespace() { echo "scep$$-$1"; }

# on HOST COMMAND…: runs it there.
on() { local host=$1; shift; ip netns exec "$(namespace "$host")" "$@"; }

# start HOST NAME COMMAND…: runs it there in the background until the scenario ends; its output goes to NAME.log.
start() {
    local host=$1 name=$2
    shift 2
    ip netns exec "$(namespace "$host")" "$@" >>"$work/logs/$name.log" 2>&1 &
    background[$name]=$!
}

stop() {
    local pid=${background[$1]}
    unset "background[$1]"
    kill -TERM "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# until_true WHAT COMMAND…: polls for up to 15 seconds.
until_true() {
    local what=$1 tries=300
    shift
    until "$@" >/dev/null 2>&1; do
        ((tries-- > 0)) || die "waited in vain for $what"
        sleep 0.05
    done
}

listens() { on "$1" ss -Hltn "sport = :$2" | grep -q .; }

make_host() {
    local space
    space=$(namespace "$1")
    ip netns add "$space"
    mkdir -p "/etc/netns/$space"
    printf '127.0.0.1 localhost\n::1 localhost\n' >"/etc/netns/$space/hosts"
    # No name server, so that nothing but the peers' own names is ever looked up.
    echo 'nameserver 127.0.0.1' >"/etc/netns/$space/resolv.conf"
    ip -n "$space" link set lo up
    [[ $ip_version == 6 ]] || on "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1
}

# make_end HOST INTERFACE ADDRESS
make_end() {
    local space
    space=$(namespace "$1")
    # No link-local addresses, no duplicate detection: nothing on the wire but what the scenario says.
    ip -n "$space" link set "$2" addrgenmode none
    on "$1" ethtool -K "$2" tx off rx off tso off gso off gro off >/dev/null 2>&1
    if [[ $ip_version == 6 ]]; then
        ip -n "$space" addr add "$3/64" dev "$2" nodad
    else
        ip -n "$space" addr add "$3/24" dev "$2"
    fi
    ip -n "$space" link set "$2" up
}

# make_link HOST INTERFACE ADDRESS HOST INTERFACE ADDRESS
make_link() {
    ip link add "$2" netns "$(namespace "$1")" type veth peer name "$5" netns "$(namespace "$4")"
    make_end "$1" "$2" "$3"
    make_end "$4" "$5" "$6"
    until_true "the link $2-$5" carrier "$1" "$2"
}

carrier() { [[ $(on "$1" cat "/sys/class/net/$2/carrier") == 1 ]]; }

name_host() { echo "$3 $2" >>"/etc/netns/$(namespace "$1")/hosts"; }

network_up() {
    local outside=192.0.2 inside=198.51.100
    if [[ $ip_version == 6 ]]; then
        outside=2001:db8:0:1:: inside=2001:db8:0:2::
    else
        outside+=. inside+=.
    fi
    device_address=${outside}10
    make_host device
    make_host ndes
    if [[ $behind == yes ]]; then
        network_behind
        return
    fi
    if [[ $wap == no ]]; then
        ndes_address=${outside}30
        make_link device device "$device_address" ndes ndes "$ndes_address"
        name_host device ndes.corp.contoso.com "$ndes_address"
        return
    fi
    ndes_address=${inside}30
    make_host wap
    wap_address=${outside}20
    if [[ $router == yes ]]; then
        wap_address=203.0.113.20
        make_host router
        on router sysctl -qw net.ipv4.ip_forward=1
        make_link device device "$device_address" router towards-device "${outside}1"
        make_link wap wap-outside "$wap_address" router towards-wap 203.0.113.1
        ip -n "$(namespace device)" route add default via "${outside}1"
        ip -n "$(namespace wap)" route add default via 203.0.113.1
    else
        make_link device device "$device_address" wap wap-outside "$wap_address"
    fi
    make_link wap wap-inside "${inside}20" ndes ndes "$ndes_address"
    name_host device scep.contoso.com "$wap_address"
    name_host wap ndes.corp.contoso.com "$ndes_address"
}

# join HOST INTERFACE ADDRESS BRIDGE: links it to the switch; it reaches all other networks without a router.
join() {
    local space network
    space=$(namespace "$1")
    ip link add "$2" netns "$space" type veth peer name "$2" netns "$(namespace switch)"
    ip -n "$(namespace switch)" link set "$2" master "$4" up
    make_end "$1" "$2" "$3"
    until_true "the link of $2" carrier "$1" "$2"
    for network in 192.0.2 198.51.100 203.0.113; do
        [[ $1 == wap || $3 == $network.* ]] || ip -n "$space" route add "$network.0/24" dev "$2"
    done
}

# NDES, CRP and CA share a network with the inner side of the WAP, or with the device where there is none. The stand-in
# for Microsoft's cloud is the MDM service of the device, outside, or the Intune that NDES calls.
network_behind() {
    local host bridge
    make_host switch
    for bridge in outside inside; do
        ip -n "$(namespace switch)" link add "$bridge" type bridge mcast_snooping 0
        ip -n "$(namespace switch)" link set "$bridge" up
    done
    ndes_address=198.51.100.30
    if [[ $wap == yes ]]; then
        wap_address=192.0.2.20
        make_host wap
        join device device "$device_address" outside
        join wap wap-outside "$wap_address" outside
        join wap wap-inside 198.51.100.20 inside
        name_host device scep.contoso.com "$wap_address"
        name_host wap ndes.corp.contoso.com "$ndes_address"
    else
        join device device "$device_address" inside
        name_host device ndes.corp.contoso.com "$ndes_address"
    fi
    join ndes ndes "$ndes_address" inside
    make_host crp
    join crp crp 198.51.100.40 inside
    make_host ca
    join ca ca 198.51.100.50 inside
    name_host ndes crp.corp.contoso.com 198.51.100.40
    name_host ndes ca.corp.contoso.com 198.51.100.50
    [[ -n $cloud ]] || return 0
    make_host "$cloud"
    join "$cloud" "$cloud" 203.0.113.60 "$([[ $cloud == mdm ]] && echo outside || echo inside)"
    for host in device ndes; do
        name_host "$host" fef.msua01.manage.microsoft.com 203.0.113.60
    done
}

# route HOOK TYPE RULE: what the router does besides routing, in nftables' words.
route() { on router nft $'table ip scep {\n chain extra {\n type '"$2 hook $1 priority 0"$';\n'"$3"$'\n}\n}'; }

network_down() {
    local host name
    for name in "${!background[@]}"; do
        stop "$name"
    done
    for host in device router wap ndes switch crp ca mdm intune; do
        ip netns del "$(namespace "$host")" 2>/dev/null || true
        rm -rf "/etc/netns/$(namespace "$host")"
    done
    rmdir --ignore-fail-on-non-empty /etc/netns 2>/dev/null || true
}

# capture HOST INTERFACE…: one file for the host.
capture() {
    local host=$1 options=() interface
    shift
    for interface; do
        options+=(-i "$interface")
    done
    start "$host" "capture-$host" dumpcap -q "${options[@]}" -w "$work/$host.raw"
    until_true "the capture on $host" grep -q '^File:' "$work/logs/capture-$host.log"
}

captures_start() {
    local host
    for host in $captured; do
        case $host in
        wap) [[ $wap == no ]] || capture wap wap-outside wap-inside ;;
        *) capture "$host" "$host" ;;
        esac
    done
    [[ $pair == no ]] || watch_begins
}

# The last packet of a link is a datagram to the discard port: a capture that holds it holds everything before it.
last_packet() { on "$1" bash -c "printf %s '$3' >'/dev/udp/$2/9'"; }

has_last_packet() { grep -qaF "$2" "$work/$1.raw"; }

# The last packets that HOST sees.
last_words() {
    case $1-$wap in
    device-yes) echo last-outside ;;
    wap-yes) echo last-outside last-inside ;;
    ndes-yes) echo last-inside ;;
    device-no | ndes-no) echo last-on-link ;;
    esac
    [[ $behind == no || $1 != @(ndes|crp) ]] || echo last-behind
}

captures_stop() {
    local file host
    [[ $router == no ]] || on router nft flush ruleset
    if [[ $wap == no ]]; then
        last_packet device "$ndes_address" last-on-link
    else
        last_packet device "$wap_address" last-outside
        last_packet wap "$ndes_address" last-inside
    fi
    [[ $behind == no ]] || last_packet ndes crp.corp.contoso.com last-behind
    for file in "$work"/*.raw; do
        host=$(basename "$file" .raw)
        for word in $(last_words "$host"); do
            until_true "$word in $file" has_last_packet "$host" "$word"
        done
        stop "capture-$host"
    done
}

# On every host but the loopback, where only the SCEP server and its relay are.
no_open_connections() {
    local host
    for host in device wap ndes crp ca; do
        [[ -e /etc/netns/$(namespace "$host") ]] || continue
        ! on "$host" ss -Htn state connected exclude time-wait not src 127.0.0.1 | grep -q . || return 1
    done
}

# captures_finish DIRECTORY: without the last packets, with the TLS secrets of both legs.
captures_finish() {
    local file host
    cat "$work"/*.keylog 2>/dev/null | sort -u >"$work/secrets" || true
    for file in "$work"/*.raw; do
        host=$(basename "$file" .raw)
        tshark -r "$file" -Y '!(udp.port == 9)' -w "$work/$host.clean" 2>>"$work/logs/tshark.log"
        if [[ $time_order == yes ]]; then
            reordercap "$work/$host.clean" "$work/$host.ordered" >/dev/null
            mv "$work/$host.ordered" "$work/$host.clean"
        fi
        if [[ -s $work/secrets ]]; then
            editcap --inject-secrets "tls,$work/secrets" "$work/$host.clean" "$1/$host.pcapng"
        else
            cp "$work/$host.clean" "$1/$host.pcapng"
        fi
        "$here/anonymise.py" "$1/$host.pcapng"
    done
}
