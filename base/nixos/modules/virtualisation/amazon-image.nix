# A machine in Amazon's cloud: what the image and its configuration have in common.
{ config, lib, pkgs, ... }:
let
  inherit (lib) mkOption types;
in
{
  options.ec2 = {
    efi = mkOption { type = types.bool; default = true; description = "Whether the machine starts by EFI."; };
    hvm = mkOption { type = types.bool; default = true; internal = true; description = "All machines are."; };
    zfs.enable = mkOption { type = types.bool; default = false; description = "Not supported."; };
  };
  options.amazonImage.sizeMB = mkOption { type = types.either types.int (types.enum [ "auto" ]); default = "auto"; description = "The image's size in MiB."; };
  options.virtualisation.diskSize = mkOption { type = types.either types.int (types.enum [ "auto" ]); default = "auto"; description = "The image's size in MiB."; };
  config = {
    boot.kernelPackages = lib.mkDefault (pkgs.linuxPackages_cloud or pkgs.linuxPackages);
    boot.growPartition = true;
    fileSystems."/" = { device = "/dev/disk/by-label/nixos"; fsType = "ext4"; autoResize = true; };
    fileSystems."/boot" = lib.mkIf config.ec2.efi { device = "/dev/disk/by-label/ESP"; fsType = "vfat"; };
    boot.loader.systemd-boot.enable = lib.mkDefault config.ec2.efi;
    boot.loader.generic-extlinux-compatible.enable = lib.mkDefault (!config.ec2.efi);
    boot.loader.timeout = lib.mkDefault 1;
    boot.kernelParams = [ "console=ttyS0,115200n8" "random.trust_cpu=on" "nvme_core.io_timeout=4294967295" ];
    boot.initrd.availableKernelModules = [ "nvme" "ena" "xen_blkfront" "xen_netfront" ];
    boot.blacklistedKernelModules = [ "nouveau" "xen_fbfront" ];
    services.openssh = { enable = true; settings.PermitRootLogin = lib.mkDefault "prohibit-password"; };
    networking.hostName = lib.mkDefault "";
    networking.timeServers = [ "169.254.169.123" ];
    systemd.services."serial-getty@ttyS0".wantedBy = [ ];
    # Metadata, user data and the key for root come from the link-local server of the cloud.
    systemd.services.fetch-ec2-metadata = {
      description = "Fetch EC2 metadata";
      wantedBy = [ "multi-user.target" ];
      after = [ "network-online.target" ];
      wants = [ "network-online.target" ];
      before = [ "apply-ec2-data.service" "sshd.service" ];
      path = [ pkgs.curl ];
      serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
      script = ''
        dir=/etc/ec2-metadata
        mkdir -p -m 0755 $dir
        base=http://169.254.169.254/latest
        token=$(curl -sf --connect-timeout 2 --retry 5 -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 600" $base/api/token) || { echo "there is no metadata server" >&2; exit 0; }
        get() { curl -sf -H "X-aws-ec2-metadata-token: $token" -o "$dir/$2" "$base/$1" || true; }
        get meta-data/ami-manifest-path ami-manifest-path
        (umask 077 && get user-data user-data)
        get meta-data/hostname hostname
        get meta-data/public-keys/0/openssh-key public-keys-0-openssh-key
      '';
    };
    systemd.services.apply-ec2-data = {
      description = "Apply EC2 data";
      wantedBy = [ "multi-user.target" "sshd.service" ];
      before = [ "sshd.service" ];
      after = [ "fetch-ec2-metadata.service" ];
      serviceConfig = { Type = "oneshot"; RemainAfterExit = true; };
      script = ''
        dir=/etc/ec2-metadata
        ${lib.optionalString (config.networking.hostName == "") ''[ ! -s $dir/hostname ] || /usr/bin/hostname "$(cat $dir/hostname)"''}
        if [ ! -e /root/.ssh/authorized_keys ] && [ -s $dir/public-keys-0-openssh-key ]; then
          mkdir -p -m 0700 /root/.ssh
          cp $dir/public-keys-0-openssh-key /root/.ssh/authorized_keys
          chmod 600 /root/.ssh/authorized_keys
        fi
        # A shell script as user data runs once.
        if [ -s $dir/user-data ] && [ ! -e /var/lib/ec2-user-data-done ] && head -c2 $dir/user-data | grep -q '#!'; then
          mkdir -p /var/lib
          : >/var/lib/ec2-user-data-done
          cp $dir/user-data /run/ec2-user-data
          chmod 700 /run/ec2-user-data
          /run/ec2-user-data
        fi
      '';
    };
  };
}
