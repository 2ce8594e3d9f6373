# SPDX-License-Identifier: GPL-2.0-or-later
# Enrolments that succeed: of other platforms, of many devices at once, over bad lines. Sourced by record.

scenario_ios() {
    scep_server=responder server_options=(--style ndes) get_escapes=
    begin
    expect device "$new_connection" 1
    expect device 'http.request.uri contains "message=SCEP%20Authority"' 2
    local agent='profiled/1.0 CFNetwork/811.5.4 Darwin/16.6.0'
    ask 'operation=GetCACert&message=SCEP%20Authority' -A "$agent"
    ask 'operation=GetCACaps&message=SCEP%20Authority' -A "$agent"
    ask_get "$work/message.p7m" -A "$agent"
    one_connection 'An iPhone enrols: one connection, PKIOperation by GET with raw plus signs and slashes.'
}

scenario_android() {
    post_type=application/octet-stream scep_server=responder server_options=(--style ndes)
    begin
    expect device "$new_connection" 1
    local agent='Dalvik/2.1.0 (Linux; U; Android 5.0; P01M Build/LRX21V)'
    ask 'operation=GetCACert&message=ca' -A "$agent"
    ask 'operation=GetCACaps&message=ca' -A "$agent"
    ask_post "$work/message.p7m" -A "$agent"
    one_connection 'An Android device enrols: one connection, PKIOperation by POST as application/octet-stream.'
}

scenario_macos() {
    scep_server=responder server_options=(--style ndes)
    begin
    expect device "$new_connection" 1
    local agent='mdmclient/863 CFNetwork/760.9 Darwin/15.6.0 (x86_64)'
    ask 'operation=GetCACert&message=' -A "$agent"
    ask 'operation=GetCACaps&message=' -A "$agent"
    ask_post "$work/message.p7m" -A "$agent"
    one_connection 'A Mac enrols: one connection, an empty message parameter, PKIOperation by POST.'
}

# one_connection WHAT
one_connection() {
    send
    ends_with 0
    keep_issued 03
    arranged 1 "$1"
}

# The second and third conversation of the device resume the TLS session of the first.
scenario_resumed() {
    windows
    begin
    expect device "$new_connection" 3
    expect device "$server_hello" 3
    expect device 'tls.handshake.type == 11' 1
    on device python3 "$here/resume.py" --keylog "$work/device.keylog" --trust "$work/ca.crt" --agent "$windows_agent" \
        "$device_url" "$work/message.p7m" "$work/device" >"$truth/logs/client.log" 2>&1
    keep_device_key "$work/client-message/key"
    keep_issued 05
    arranged 1 'A Windows device enrols; its second and third TLS conversation resume the session of the first.'
}

# Lost packets in both directions between device and WAP. What got lost is up to chance; something does.
scenario_loss() {
    windows
    router=yes pauses=(0.2 0.2)
    begin
    route forward filter 'numgen random mod 100 < 5 drop'
    windows_device ask_post
    ends_with 0
    keep_issued 05
    expect wap '(tcp.analysis.retransmission || tcp.analysis.lost_segment) && ip.addr == 203.0.113.20' some
    expect device '(tcp.analysis.retransmission || tcp.analysis.lost_segment)' some
    arranged 1 'A Windows device enrols although 5 percent of the packets between it and the WAP are lost, in both directions.'
}

# --- many devices at once ---

device_names() { seq -f device-%02g "$crowd"; }

crowd_messages() {
    local name
    for name in $(device_names); do
        make_message "$name"
    done
}

# crowd_enrols: as many Windows devices as $crowd says, 192.0.2.101 and so on, begin $crowd_pause seconds after each other.
crowd_enrols() {
    local number=0 name address windows_of_all=()
    for name in $(device_names); do
        address=192.0.2.$((100 + ++number))
        ip -n "$(namespace device)" addr add "$address/24" dev device
        devices+=("$address,CN=$name.contoso.com,$name.key")
        keep_device_key "$work/client-$name/key" "$name"
    done
    number=0
    for name in $(device_names); do
        # A subshell has its own counters; what it writes is numbered so that it does not collide.
        (
            asked=$((5 * number)) sent=$((3 * number)) message=$name
            curl_options+=(--interface "192.0.2.$((101 + number))")
            windows_device ask_post
            went_well
        ) &
        windows_of_all+=($!)
        number=$((number + 1))
        sleep "$crowd_pause"
    done
    for number in "${windows_of_all[@]}"; do
        wait "$number" || die 'a device of the crowd did not get its certificate'
    done
    # Only the server knows the order.
    told_by=relay
}

crowd() {
    windows
    crowd=$1 prepare=crowd_messages scep_server=responder server_options=(--style ndes) ra=no
    slim
}

scenario_twenty_devices() {
    size_limit=1600000
    crowd 20
    begin
    expect device "$new_connection" 60
    crowd_enrols
    arranged 20 'Twenty Windows devices, each with an address of its own, enrol at the same time.'
}

scenario_nat() {
    router=yes size_limit=600000
    crowd 8
    begin
    expect device "$new_connection" 24
    expect wap "$new_connection && ip.src == 203.0.113.1" 24
    route postrouting nat 'oifname "towards-wap" masquerade'
    crowd_enrols
    arranged 8 'Eight Windows devices enrol at the same time, for the WAP all behind the one address 203.0.113.1.'
}
