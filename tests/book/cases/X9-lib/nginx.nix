{ serviceConfig.RestartSec = "10s"; }
