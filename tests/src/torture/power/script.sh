fail() { echo "FAILED: $*"; find /mnt/lib/modules /mnt/var/lib /mnt/etc/depmod.d -type f | grep -v /kernel/; exit 1; }
mkdir -p /mnt
for module in virtio_pci virtio_blk crc32c_generic; do modprobe-30 $module; done
case $SYSTEM in
ext4) modprobe-30 ext4;;
*) modprobe-30 -d /file-systems $SYSTEM;;
esac || fail "modprobe $SYSTEM"
mount -t $SYSTEM /dev/vda /mnt || fail mount
if [ ! -e /mnt/filled ]; then
    mkdir -p /mnt/lib /mnt/var/lib /mnt/tmp /mnt/etc/depmod.d
    cp -a /lib/modules /mnt/lib/ && sync && touch /mnt/filled && sync || fail fill
fi
modules=/mnt/lib/modules/$(uname -r)
# Which version of a module is there: 1, 2 or none.
version() {
    set -- $1 $modules/updates/$1.ko*
    [ -e "$2" ] || { echo none; return; }
    case $2 in *.xz) unxz -c "$2" >/tmp/$1;; *) cp "$2" /tmp/$1;; esac
    for v in 1 2; do cmp -s /tmp/$1 /out/$v/$1.ko && { echo $v; return; }; done
    echo broken
}
right() {
    [ "$(version dummy)" = "$(version kt_base)" ] || fail "dummy $(version dummy), kt_base $(version kt_base)"
    for name in dummy kt_base; do
        case $(version $name) in
        broken) fail "$name is broken";;
        none) grep -q "^updates/$name" $modules/modules.dep && fail "$name is in modules.dep";;
        *) grep -q "^updates/$name.ko" $modules/modules.dep || fail "$name is not in modules.dep";;
        esac
    done
    kbuild-rs verify --root /mnt || fail verify
    left=$(find /mnt/lib/modules/ /mnt/etc/depmod.d -name '.?*'; find /mnt/var/lib/kbuild-rs -name '*.part' -o -name '*pending*')
    [ -z "$left" ] || fail "left: $left"
}
echo "found dummy $(version dummy) kt_base $(version kt_base)"
[ "$(version dummy)" != broken ] && [ "$(version kt_base)" != broken ] || fail broken
if [ -e $modules/updates ] && ls $modules/updates | grep -q ifb; then
    kbuild-rs uninstall --root /mnt ifb || fail "uninstall ifb"
else
    kbuild-rs install --root /mnt /out/1/ifb.ko || fail "install ifb"
fi
right
echo "@cut"
[ "$LAST" = 1 ] && { umount /mnt; exit 0; }
while :; do
    for v in 1 2; do
        kbuild-rs install --root /mnt /out/$v/dummy.ko /out/$v/kt_base.ko || fail "install $v"
    done
    kbuild-rs uninstall --root /mnt dummy kt_base || fail uninstall
done
