package fabric_livy_magic.local;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.InvalidPathException;

/** The workspaces and lakehouses that there are, by name or id in any letter case, and the one that the application is for. */
public final class Lakehouses {
  /** Names the file that `lakehouse_classes` wrote. */
  public static final String SETTING = "fabric_livy.lakehouses";

  public static final class Lakehouse {
    final String id;
    final String name;
    final String workspaceId;
    final String folder;
    /** Null where it has no schemas. */
    final String defaultSchema;
    /** Of its schemas' names as databases of Spark's one catalog; empty for the application's own lakehouse, whatever it is called. */
    final String prefix;
    final boolean isOwn;
    /** Where they lead, by the paths of shortcuts that lead out of this machine. */
    final Map missingShortcuts;

    Lakehouse(Map values, String workspaceId) {
      this.id = (String) values.get("id");
      this.name = (String) values.get("name");
      this.workspaceId = workspaceId;
      this.folder = (String) values.get("folder");
      this.defaultSchema = (String) values.get("default_schema");
      this.prefix = (String) values.get("prefix");
      this.isOwn = Boolean.TRUE.equals(values.get("own"));
      this.missingShortcuts = values.get("missing_shortcuts") == null ? new HashMap() : (Map) values.get("missing_shortcuts");
    }

    /** Where the shortcut leads at which a path is, or below which. Null where there is none, or a folder stands for it. */
    String missing(String relative) {
      for (Object one : missingShortcuts.entrySet()) {
        String path = (String) ((Map.Entry) one).getKey();
        boolean isBelow = (relative + "/").regionMatches(true, 0, path + "/", 0, path.length() + 1);
        if (isBelow && !new File(folder, path).exists()) {
          return (String) ((Map.Entry) one).getValue();
        }
      }
      return null;
    }

    File tables() {
      return new File(folder, "Tables");
    }

    /** The file that a path in the lakehouse means. In one with schemas `Tables/t` is the table `t` of the default schema too,
      * where nothing else has that path: notebooks that were written for a lakehouse without schemas say so. */
    String file(String relative) {
      String missing = missing(relative);
      if (missing != null) {
        throw new InvalidPathException(relative, missing);
      }
      String whole = folder + "/" + relative;
      String[] parts = relative.split("/", 3);
      if (defaultSchema == null || parts.length < 2 || !parts[0].equals("Tables") || parts[1].isEmpty()) {
        return whole;
      }
      File named = new File(new File(tables(), defaultSchema), parts[1]);
      boolean isMeant = !new File(tables(), parts[1]).exists() && new File(named, "_delta_log").isDirectory();
      return !isMeant ? whole : parts.length < 3 ? named.getPath() : named.getPath() + "/" + parts[2];
    }
  }

  private final List workspaces;
  final Lakehouse own;
  /** The folder of the notebook's resources. */
  final String resources;

  private Lakehouses(Map content) {
    this.workspaces = (List) content.get("workspaces");
    this.resources = (String) content.get("resources");
    Lakehouse found = null;
    for (Object workspace : workspaces) {
      for (Object one : lakehousesOf((Map) workspace)) {
        found = ((Lakehouse) one).isOwn ? (Lakehouse) one : found;
      }
    }
    this.own = found;
  }

  private static final Map READ = new ConcurrentHashMap();

  /** Null in an application that was not told of any. A file is read once: it never changes, and each file system asks. */
  public static Lakehouses of(Configuration conf) throws IOException {
    String file = conf.get(SETTING);
    if (file == null) {
      return null;
    }
    Lakehouses found = (Lakehouses) READ.get(file);
    if (found == null) {
      found = new Lakehouses((Map) new ObjectMapper().readValue(new File(file), Map.class));
      READ.put(file, found);
    }
    return found;
  }

  /** All of all workspaces. */
  List all() {
    List found = new ArrayList();
    for (Object workspace : workspaces) {
      found.addAll(lakehousesOf((Map) workspace));
    }
    return found;
  }

  private static List lakehousesOf(Map workspace) {
    List made = new ArrayList();
    for (Object values : (List) workspace.get("lakehouses")) {
      made.add(new Lakehouse((Map) values, (String) workspace.get("id")));
    }
    return made;
  }

  /** The id of the workspace. */
  public String workspace(String name) throws IOException {
    String found = null;
    for (Object one : workspaces) {
      Map workspace = (Map) one;
      if (!name.equalsIgnoreCase((String) workspace.get("name")) && !name.equalsIgnoreCase((String) workspace.get("id"))) {
        continue;
      }
      if (found != null) {
        throw new IOException("several workspaces are called '" + name + "'; use the id of the one that is meant");
      }
      found = (String) workspace.get("id");
    }
    if (found == null) {
      throw new FileNotFoundException("there is no workspace '" + name + "'");
    }
    return found;
  }

  /** With or without `.Lakehouse` behind its name. */
  public Lakehouse lakehouse(String workspaceId, String item) throws IOException {
    String name = item.toLowerCase().endsWith(".lakehouse") ? item.substring(0, item.length() - 10) : item;
    Lakehouse found = null;
    for (Object workspace : workspaces) {
      if (!workspaceId.equals(((Map) workspace).get("id"))) {
        continue;
      }
      for (Object one : lakehousesOf((Map) workspace)) {
        Lakehouse lakehouse = (Lakehouse) one;
        if (name.equalsIgnoreCase(lakehouse.name) || name.equalsIgnoreCase(lakehouse.id)) {
          if (found != null) {
            throw new IOException("several lakehouses are called '" + item + "'; use the id of the one that is meant");
          }
          found = lakehouse;
        }
      }
    }
    if (found == null) {
      throw new FileNotFoundException("there is no lakehouse '" + item + "' in this workspace");
    }
    return found;
  }
}
